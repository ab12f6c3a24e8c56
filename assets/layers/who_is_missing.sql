-- Whose records the maps do not show: one row per service and group (all records; fifths and deciles of deprivation; tenures), with
-- the records by how precisely they are placed, and how many of the group's homes the service knows. Of a snapshot the
-- latest extract counts, of dated events all. A record without a place lies in no area: its fifth is not known.
-- key: dataset, breakdown, group_name
WITH fifth (fifth, group_name) AS (
    VALUES
        (1, '1, most deprived'),
        (2, '2'),
        (3, '3'),
        (4, '4'),
        (5, '5, least deprived'),
        (0, 'not known')
),
lsoa_fifth AS (
    SELECT lsoa_code, imd_decile, (imd_decile + 1) // 2 AS fifth FROM sources.deprivation WHERE imd_decile BETWEEN 1 AND 10
),
decile AS (
    -- Those of the authority's own LSOAs. What is in no fifth is in no decile: it is counted there once.
    SELECT DISTINCT known.imd_decile, fifth.group_name AS fifth_name
    FROM lsoa_fifth AS known
    JOIN fifth USING (fifth)
    SEMI JOIN places.output_area AS block ON block.lsoa_code = known.lsoa_code
),
latest AS (
    SELECT dataset, max(as_at) AS as_at FROM services.record WHERE role = 'service' GROUP BY dataset
),
counted AS (
    SELECT
        placed.dataset,
        placed.weight,
        placed.uprn,
        placed.precision,
        -- Whom a record is about: where the extract does not say, everybody at one address is one.
        coalesce(placed.subject, 'uprn ' || placed.uprn, placed.file || ' ' || placed.row_number) AS who,
        CASE
            WHEN placed.precision IN ('property', 'building', 'point') THEN 'precise'
            WHEN placed.precision IN ('postcode', 'area') THEN 'coarse'
            ELSE 'unplaced'
        END AS place,
        coalesce(known.fifth, 0) AS fifth,
        known.imd_decile,
        tenure.tenure
    FROM places.record_placed AS placed
    JOIN services.dataset AS described USING (dataset)
    JOIN latest USING (dataset)
    LEFT JOIN lsoa_fifth AS known USING (lsoa_code)
    LEFT JOIN services.record_tenure AS tenure USING (dataset, file, row_number)
    WHERE placed.role = 'service' AND (described.kind = 'flow' OR placed.as_at IS NOT DISTINCT FROM latest.as_at)
),
grouped AS (
    SELECT dataset, 'all records' AS breakdown, 'all' AS group_name, place, weight, who FROM counted
    UNION ALL
    SELECT counted.dataset, 'deprivation fifth', fifth.group_name, counted.place, counted.weight, counted.who
    FROM counted
    JOIN fifth USING (fifth)
    UNION ALL
    SELECT dataset, 'deprivation decile', CAST(imd_decile AS VARCHAR), place, weight, who
    FROM counted
    WHERE imd_decile IS NOT NULL
    UNION ALL
    SELECT dataset, 'tenure', tenure, place, weight, who FROM counted WHERE tenure IS NOT NULL
),
counted_by_group AS (
    -- Beside each count how many stand behind it; a tally is of as many as it says.
    SELECT
        dataset,
        breakdown,
        group_name,
        place,
        sum(weight) AS records,
        count(DISTINCT who) FILTER (weight <= 1) + coalesce(sum(weight) FILTER (weight > 1), 0) AS contributors
    FROM (SELECT * FROM grouped UNION ALL SELECT * REPLACE ('any' AS place) FROM grouped)
    GROUP BY ALL
),
placed_by_group AS (
    SELECT
        dataset,
        breakdown,
        group_name,
        CAST(sum(records) FILTER (place = 'any') AS BIGINT) AS records,
        CAST(sum(records) FILTER (place = 'precise') AS BIGINT) AS records_precise,
        CAST(sum(records) FILTER (place = 'coarse') AS BIGINT) AS records_coarse,
        CAST(sum(records) FILTER (place = 'unplaced') AS BIGINT) AS records_unplaced,
        CAST(sum(contributors) FILTER (place = 'any') AS BIGINT) AS contributors,
        CAST(sum(contributors) FILTER (place = 'precise') AS BIGINT) AS contributors_precise,
        CAST(sum(contributors) FILTER (place = 'coarse') AS BIGINT) AS contributors_coarse,
        CAST(sum(contributors) FILTER (place = 'unplaced') AS BIGINT) AS contributors_unplaced
    FROM counted_by_group
    GROUP BY ALL
),
home AS (
    SELECT place, homes, coalesce(known.fifth, 0) AS fifth
    FROM places.home
    LEFT JOIN lsoa_fifth AS known USING (lsoa_code)
),
homes_by_group AS (
    SELECT 'all records' AS breakdown, 'all' AS group_name, CAST(sum(homes) AS BIGINT) AS homes FROM home
    UNION ALL
    SELECT 'deprivation fifth', fifth.group_name, CAST(coalesce(sum(home.homes), 0) AS BIGINT)
    FROM fifth
    LEFT JOIN home USING (fifth)
    WHERE EXISTS (SELECT 1 FROM home)
    GROUP BY fifth.group_name
),
known_home AS (
    -- Each service by itself: no service's records are joined with another's. Where homes are a tally, no service can be
    -- asked which of them it knows.
    SELECT DISTINCT counted.dataset, home.place, home.fifth
    FROM counted
    JOIN home ON home.place = 'uprn ' || counted.uprn
    WHERE counted.precision = 'property'
),
known_by_group AS (
    SELECT dataset, 'all records' AS breakdown, 'all' AS group_name, count(*) AS homes_known FROM known_home GROUP BY ALL
    UNION ALL
    SELECT known_home.dataset, 'deprivation fifth', fifth.group_name, count(*)
    FROM known_home
    JOIN fifth USING (fifth)
    GROUP BY ALL
),
shown AS (
    -- Every group has a row for every service, whether it has records or not.
    -- Which homes a service knows is a use of its records (demand), not a judgement of their quality.
    SELECT
        described.authority_code,
        described.dataset,
        each.breakdown,
        each.group_name,
        CAST(NULL AS VARCHAR) AS deprivation_fifth,
        CAST(NULL AS VARCHAR) AS tenure_group,
        described.sensitivity = 'open' OR contains(described.uses, 'demand') AS counts_homes
    FROM services.dataset AS described
    CROSS JOIN (
        SELECT 'all records' AS breakdown, 'all' AS group_name
        UNION ALL
        SELECT 'deprivation fifth', group_name FROM fifth
    ) AS each
    WHERE described.role = 'service'
    UNION ALL
    SELECT
        described.authority_code, described.dataset, 'deprivation decile', CAST(decile.imd_decile AS VARCHAR),
        decile.fifth_name, NULL, false
    FROM services.dataset AS described
    CROSS JOIN decile
    WHERE described.role = 'service'
    UNION ALL
    SELECT described.authority_code, described.dataset, 'tenure', tenure.tenure, NULL, tenure.tenure_group, false
    FROM services.dataset AS described
    JOIN services.tenure AS tenure USING (dataset)
    WHERE described.role = 'service'
),
identified AS (
    SELECT EXISTS (SELECT 1 FROM places.uprn WHERE is_home) AS homes_have_uprns
)
SELECT
    shown.authority_code,  -- GSS code of the authority
    shown.dataset,  -- dataset
    shown.breakdown,  -- all records, deprivation fifth or decile (of England's LSOAs, by the LSOA of the place) or tenure (as the dataset itself states it)
    shown.group_name,  -- group within the breakdown; `not known` is a group of its own, but not of the deciles, of which it would be the same as of the fifths
    shown.deprivation_fifth,  -- fifth of which a decile is a half; empty for all other groups
    shown.tenure_group,  -- owned, social rented, private rented, other or not known: what the tenure is counted among; empty for all other groups
    coalesce(placed.records, 0) AS records,  -- what the group's records count for (accounts, events, ...)
    coalesce(placed.records_precise, 0) AS records_precise,  -- of these, placed on a property, a building or a point
    coalesce(placed.records_coarse, 0) AS records_coarse,  -- of these, placed by their postcode or area alone
    CASE
        WHEN NOT starts_with(shown.breakdown, 'deprivation') OR shown.group_name = 'not known' THEN coalesce(placed.records_unplaced, 0)
    END AS records_unplaced,  -- of these, without a place; no such count in a fifth or decile, since they are those of the place
    coalesce(placed.contributors, 0) AS contributors,  -- people or households behind the records (or addresses, where the extract names neither)
    coalesce(placed.contributors_precise, 0) AS contributors_precise,  -- behind those placed on a property, a building or a point
    coalesce(placed.contributors_coarse, 0) AS contributors_coarse,  -- behind those placed by their postcode or area alone
    coalesce(placed.contributors_unplaced, 0) AS contributors_unplaced,  -- behind those without a place
    homes.homes,  -- homes in the group's areas; empty by decile and tenure
    CASE
        WHEN identified.homes_have_uprns AND homes.homes > 0 AND shown.counts_homes THEN coalesce(known.homes_known, 0)
    END AS homes_known  -- of these, homes that the service has a record of; no such count where homes are known as a tally only
FROM shown
CROSS JOIN identified
LEFT JOIN placed_by_group AS placed USING (dataset, breakdown, group_name)
LEFT JOIN homes_by_group AS homes USING (breakdown, group_name)
LEFT JOIN known_by_group AS known USING (dataset, breakdown, group_name)
