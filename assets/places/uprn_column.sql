-- Whether the UPRN column of each extract is believed: one row per dataset and file that has one. A column whose numbers
-- are well formed but hardly ever in the gazetteer holds something else (a housing system's property reference, a UDPRN, a
-- UARN): none of it is believed then, since the few that hit a property hit it by chance.
-- key: dataset, file
WITH rule AS (
    SELECT
        -- Of fewer numbers than these, a share says nothing: of five right ones three may be new homes.
        20 AS least_values,
        -- Blocks of UPRNs are given out to authorities, so that another system's numbers hardly ever hit one; while of a
        -- service's true UPRNs most are known, even where the gazetteer is a year old or was cut at the bounds.
        0.2 AS least_known,
        -- Numbers that are those of their records' properties have their postcode, but for slips and letters that go to an
        -- agent's address. Numbers that hit by chance, or a column sorted apart from its rows, have it as often as chance
        -- will: in an authority of some thousand postcodes next to never.
        0.2 AS least_agreeing,
        -- So sure are hits whose postcode is nearly always the record's own that a small share of them is enough: the
        -- gazetteer covers a part only, or the list is of a wider area.
        0.9 AS surely_agreeing
),
gazetteer AS (
    SELECT EXISTS (SELECT 1 FROM places.uprn) AS is_there
),
given AS (
    SELECT
        record.dataset,
        record.file,
        record.uprn,
        count(*) AS rows,
        count(*) FILTER (record.uprn_issue IS DISTINCT FROM 'uprn_blank') AS rows_given,
        bool_or(known.uprn IS NOT NULL) AS is_known,
        -- By the number, not by the row: one number on a thousand rows is one hit.
        bool_or(known.postcode = record.postcode) AS agrees,
        bool_or(record.postcode IS NOT NULL AND here.oa_code IS NULL) AS is_elsewhere
    FROM services.record AS record
    LEFT JOIN places.uprn AS known ON known.uprn = record.uprn
    LEFT JOIN places.postcode AS here ON here.postcode = record.postcode
    WHERE record.uprn IS NOT NULL OR record.uprn_issue IS NOT NULL
    GROUP BY record.dataset, record.file, record.uprn
),
counted AS (
    SELECT
        dataset,
        file,
        CAST(sum(rows) AS BIGINT) AS rows,
        CAST(sum(rows_given) AS BIGINT) AS given,
        CAST(coalesce(sum(rows) FILTER (uprn IS NOT NULL), 0) AS BIGINT) AS well_formed,
        count(uprn) AS distinct_values,
        count(uprn) FILTER (is_known) AS known,
        count(uprn) FILTER (is_known AND agrees IS NOT NULL) AS compared,
        count(uprn) FILTER (is_known AND agrees) AS agreeing,
        count(uprn) FILTER (NOT is_known AND is_elsewhere) AS elsewhere
    FROM given
    GROUP BY dataset, file
),
judged AS (
    SELECT
        counted.*,
        CASE
            WHEN given = 0 THEN 'blank'
            WHEN NOT gazetteer.is_there THEN 'no gazetteer'
            WHEN distinct_values < rule.least_values THEN 'too few to tell'
            WHEN compared >= rule.least_values AND agreeing < rule.least_agreeing * compared THEN 'other postcodes'
            WHEN known >= rule.least_known * distinct_values THEN 'known'
            WHEN compared >= rule.least_values AND agreeing >= rule.surely_agreeing * compared THEN 'few known but right'
            WHEN elsewhere > (distinct_values - known) / 2 THEN 'elsewhere'
            ELSE 'hardly any known'
        END AS why
    FROM counted
    CROSS JOIN rule
    CROSS JOIN gazetteer
)
SELECT
    authority.authority_code,  -- GSS code of the authority
    judged.dataset,  -- dataset
    judged.file,  -- file
    judged.rows,  -- records of the file
    judged.given,  -- of these, with anything in the UPRN column
    judged.well_formed,  -- of these, with a number that could be a UPRN
    judged.distinct_values,  -- different numbers among them
    judged.known,  -- of the different numbers, in the gazetteer or in OS Open UPRN
    judged.compared,  -- of these, with a postcode both in the record and in the gazetteer
    judged.agreeing,  -- of these, with the same postcode
    judged.why NOT IN ('other postcodes', 'elsewhere', 'hardly any known', 'blank') AS believed,  -- whether the column serves for placing
    judged.why  -- known, few known but right, too few to tell, no gazetteer; not believed: blank, hardly any known, other postcodes, elsewhere (hardly any known, and most of the others' postcodes are not of here either)
FROM judged
CROSS JOIN sources.authority AS authority
