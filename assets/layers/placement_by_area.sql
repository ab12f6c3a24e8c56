-- How precisely each service's records are placed where they lie: one row per service and ward, wards without a record too.
-- Of a snapshot the latest extract counts, of dated events all. Records without a place lie in no ward: they are in
-- layers.accounting and layers.who_is_missing.
-- key: dataset, area_type, area_code
-- use: demand
WITH latest AS (
    SELECT dataset, max(as_at) AS as_at FROM services.record WHERE role = 'service' GROUP BY dataset
),
counted AS (
    SELECT
        placed.dataset,
        placed.weight,
        placed.ward_code,
        placed.location_key,
        -- Whom a record is about: where the extract does not say, everybody at one address is one.
        coalesce(placed.subject, 'uprn ' || placed.uprn, placed.file || ' ' || placed.row_number) AS who,
        CASE WHEN placed.precision IN ('property', 'building', 'point') THEN 'precise' ELSE 'coarse' END AS place
    FROM places.record_placed AS placed
    JOIN services.dataset AS described USING (dataset)
    JOIN latest USING (dataset)
    WHERE placed.role = 'service' AND placed.ward_code IS NOT NULL
        AND (described.kind = 'flow' OR placed.as_at IS NOT DISTINCT FROM latest.as_at)
),
of_ward AS (
    -- Beside each count how many stand behind it; a tally is of as many as it says.
    SELECT
        dataset,
        ward_code,
        sum(weight) AS records,
        sum(weight) FILTER (place = 'precise') AS precise,
        sum(weight) FILTER (place = 'coarse') AS coarse,
        count(DISTINCT who) FILTER (weight <= 1) + coalesce(sum(weight) FILTER (weight > 1), 0) AS contributors,
        count(DISTINCT who) FILTER (weight <= 1 AND place = 'precise')
            + coalesce(sum(weight) FILTER (weight > 1 AND place = 'precise'), 0) AS contributors_precise,
        count(DISTINCT who) FILTER (weight <= 1 AND place = 'coarse')
            + coalesce(sum(weight) FILTER (weight > 1 AND place = 'coarse'), 0) AS contributors_coarse,
        sum(weight) FILTER (location_key = 'uprn') AS by_uprn,
        sum(weight) FILTER (location_key = 'cross_reference') AS by_cross_reference,
        sum(weight) FILTER (location_key = 'address') AS by_address,
        sum(weight) FILTER (location_key = 'coordinates') AS by_coordinates,
        sum(weight) FILTER (location_key = 'postcode') AS by_postcode,
        sum(weight) FILTER (location_key = 'area_code') AS by_area_code
    FROM counted
    GROUP BY dataset, ward_code
)
SELECT
    described.authority_code,  -- GSS code of the authority
    described.dataset,  -- dataset
    area.area_type,  -- ward
    area.area_code,  -- GSS code of the ward
    area.area_name,  -- name of the ward
    CAST(coalesce(of_ward.records, 0) AS BIGINT) AS records,  -- what the records placed there count for
    CAST(coalesce(of_ward.precise, 0) AS BIGINT) AS records_precise,  -- of these, placed on a property, a building or a point
    CAST(coalesce(of_ward.coarse, 0) AS BIGINT) AS records_coarse,  -- of these, placed by their postcode or area alone
    CAST(coalesce(of_ward.contributors, 0) AS BIGINT) AS contributors,  -- people or households behind the records (or addresses, where the extract names neither)
    CAST(coalesce(of_ward.contributors_precise, 0) AS BIGINT) AS contributors_precise,  -- behind those placed on a property, a building or a point
    CAST(coalesce(of_ward.contributors_coarse, 0) AS BIGINT) AS contributors_coarse,  -- behind those placed by their postcode or area alone
    CAST(coalesce(of_ward.by_uprn, 0) AS BIGINT) AS records_by_uprn,  -- placed by their UPRN
    CAST(coalesce(of_ward.by_cross_reference, 0) AS BIGINT) AS records_by_cross_reference,  -- placed by the service's own reference of the property
    CAST(coalesce(of_ward.by_address, 0) AS BIGINT) AS records_by_address,  -- placed by their address
    CAST(coalesce(of_ward.by_coordinates, 0) AS BIGINT) AS records_by_coordinates,  -- placed by their coordinates
    CAST(coalesce(of_ward.by_postcode, 0) AS BIGINT) AS records_by_postcode,  -- placed by their postcode
    CAST(coalesce(of_ward.by_area_code, 0) AS BIGINT) AS records_by_area_code  -- placed by the code of an area
FROM services.dataset AS described
CROSS JOIN places.area AS area
LEFT JOIN of_ward ON of_ward.dataset = described.dataset AND of_ward.ward_code = area.area_code
WHERE described.role = 'service' AND area.area_type = 'ward'
