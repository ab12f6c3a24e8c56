-- The silos joined: one row per property that any service knows, with which services know it and how many of their
-- records it has (for snapshots those of the latest extract). Restricted: it is about single homes.
-- key: uprn
-- use: overlap
WITH latest AS (
    SELECT dataset, max(as_at) AS as_at FROM services.record WHERE role = 'service' GROUP BY dataset
),
known AS (
    SELECT placed.uprn, placed.dataset, count(*) AS records
    FROM places.record_placed AS placed
    JOIN services.dataset AS described USING (dataset)
    JOIN latest USING (dataset)
    WHERE placed.role = 'service'
        AND placed.precision = 'property'
        AND (described.kind = 'flow' OR placed.as_at = latest.as_at)
    GROUP BY ALL
)
SELECT
    property.authority_code,  -- GSS code of the authority
    known.uprn,  -- Unique Property Reference Number
    any_value(property.class_code) AS class_code,  -- BLPU classification
    bool_or(property.is_communal) AS is_communal,  -- many people may share this one address
    any_value(property.oa_code) AS oa_code,  -- Output Area
    any_value(property.lsoa_code) AS lsoa_code,  -- Lower layer Super Output Area
    any_value(property.ward_code) AS ward_code,  -- electoral ward
    list(known.dataset ORDER BY known.dataset) AS services,  -- services that know the property
    count(*) AS service_count,  -- how many services know it
    map_from_entries(list({'dataset': known.dataset, 'records': known.records} ORDER BY known.dataset)) AS records_by_service  -- records of each service
FROM known
JOIN places.uprn AS property USING (uprn)
GROUP BY property.authority_code, known.uprn
