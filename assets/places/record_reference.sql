-- What the services' own references of properties come to: one row per record that has one, with the UPRN in use that the
-- gazetteer's cross-references name, where all that they name is one.
-- key: dataset, file, row_number
WITH named AS (
    SELECT DISTINCT upper(trim(source)) AS source FROM services.property_reference
),
held AS (
    SELECT
        upper(trim(crossed.source)) AS source,
        -- Systems pad their numbers or do not.
        ltrim(upper(trim(crossed.reference)), '0') AS reference,
        crossed.end_date IS NULL AS still_holds,
        CASE WHEN known.status = 'historic' THEN successor.successor_uprn WHEN known.status <> 'rejected' THEN known.uprn END AS uprn
    FROM sources.cross_reference AS crossed
    SEMI JOIN named ON named.source = upper(trim(crossed.source))
    JOIN places.uprn AS known ON known.uprn = crossed.uprn
    LEFT JOIN places.uprn_successor AS successor ON successor.uprn = crossed.uprn
),
answer AS (
    -- One that has ended serves where none holds any longer: the extract may be older than the end.
    SELECT
        source,
        reference,
        coalesce(nullif(count(DISTINCT uprn) FILTER (still_holds), 0), count(DISTINCT uprn)) AS uprns,
        coalesce(min(uprn) FILTER (still_holds), min(uprn)) AS uprn
    FROM held
    WHERE uprn IS NOT NULL
    GROUP BY source, reference
),
asked AS (
    SELECT
        given.dataset,
        given.file,
        given.row_number,
        max(coalesce(answer.uprns, 0)) AS most_uprns,
        count(DISTINCT answer.uprn) AS uprns,
        min(answer.uprn) AS uprn
    FROM services.property_reference AS given
    LEFT JOIN answer ON answer.source = upper(trim(given.source)) AND answer.reference = ltrim(upper(trim(given.reference)), '0')
    GROUP BY ALL
)
SELECT
    authority.authority_code,  -- GSS code of the authority
    asked.dataset,  -- dataset that the record belongs to
    asked.file,  -- file that the record stands in
    asked.row_number,  -- row of the file as a spreadsheet counts
    CASE WHEN asked.most_uprns = 1 AND asked.uprns = 1 THEN asked.uprn END AS uprn,  -- UPRN in use that the references name; empty where they name none or several
    CASE
        WHEN asked.uprns = 0 THEN 'cross_reference_unknown'
        WHEN asked.most_uprns > 1 OR asked.uprns > 1 THEN 'cross_reference_ambiguous'
    END AS finding  -- what is wrong with the references, the cross-references asked
FROM asked
CROSS JOIN sources.authority AS authority
