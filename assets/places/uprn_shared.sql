-- UPRNs that more records carry than one property can have: one row per extract and UPRN, of datasets that have one record
-- a property by their nature. Most often a default that somebody entered, or one value filled down a column.
-- key: dataset, file, uprn
WITH rule AS (
    -- No one home or shop has more than twenty accounts or tenancies at a time. Where the gazetteer says that a UPRN is a
    -- building, or that many share it, as many as there are may be right, and it is not asked.
    SELECT 20 AS most_records
),
carried AS (
    SELECT record.dataset, record.file, record.uprn, count(*) AS records
    FROM services.record AS record
    JOIN services.dataset AS described USING (dataset)
    -- Events happen many times at one place, and a row that counts for many is a tally.
    WHERE described.kind = 'stock' AND described.role = 'service' AND record.weight <= 1 AND record.uprn IS NOT NULL
    GROUP BY ALL
),
one_each AS (
    -- One record a property: as the description says (what a record counts as), or as the extract itself shows.
    SELECT carried.dataset, carried.file
    FROM carried
    JOIN services.dataset AS described USING (dataset)
    GROUP BY ALL
    HAVING regexp_matches(lower(any_value(described.counts)), '\b(account|home|house|household|dwelling|property|tenanc|lease)')
        OR 2 * count(*) FILTER (carried.records = 1) > count(*)
)
SELECT
    known.authority_code,  -- GSS code of the authority
    carried.dataset,  -- dataset
    carried.file,  -- file
    carried.uprn,  -- UPRN that is on too many records
    carried.records  -- records that carry it
FROM carried
JOIN one_each USING (dataset, file)
JOIN places.uprn AS known ON known.uprn = carried.uprn
CROSS JOIN rule
WHERE carried.records > rule.most_records AND NOT known.is_shell AND NOT coalesce(known.is_communal, false)
