-- Nothing vanishes: one row per dataset, with rows and weight read = kept + rejected, and kept = placed at each
-- precision + unplaced. What is on a property or building is there by its UPRN, a cross-reference or its address; the key of
-- all else is the name of its precision.
-- key: dataset
WITH read AS (
    SELECT
        "of" AS dataset,
        CAST(sum(rows_read) AS BIGINT) AS rows_read,
        CAST(sum(rows_kept) AS BIGINT) AS rows_kept,
        CAST(sum(rows_rejected) AS BIGINT) AS rows_rejected,
        CAST(sum(weight_read) AS BIGINT) AS weight_read,
        CAST(sum(weight_kept) AS BIGINT) AS weight_kept,
        CAST(sum(weight_rejected) AS BIGINT) AS weight_rejected
    FROM services.file_read
    WHERE status = 'read'
    GROUP BY "of"
),
placed AS (
    SELECT
        dataset,
        count(*) FILTER (location_key = 'uprn') AS rows_by_uprn,
        count(*) FILTER (location_key = 'cross_reference') AS rows_by_cross_reference,
        count(*) FILTER (location_key = 'address') AS rows_by_address,
        count(*) FILTER (precision = 'property') AS rows_property,
        count(*) FILTER (precision = 'building') AS rows_building,
        count(*) FILTER (precision = 'point') AS rows_point,
        count(*) FILTER (precision = 'postcode') AS rows_postcode,
        count(*) FILTER (precision = 'postcode' AND percent_at_risk > 0) AS straddling_rows,
        count(*) FILTER (precision = 'area') AS rows_area,
        count(*) FILTER (precision = 'none') AS rows_unplaced,
        CAST(sum(weight) FILTER (location_key = 'uprn') AS BIGINT) AS weight_by_uprn,
        CAST(sum(weight) FILTER (location_key = 'cross_reference') AS BIGINT) AS weight_by_cross_reference,
        CAST(sum(weight) FILTER (location_key = 'address') AS BIGINT) AS weight_by_address,
        CAST(sum(weight) FILTER (precision = 'property') AS BIGINT) AS weight_property,
        CAST(sum(weight) FILTER (precision = 'building') AS BIGINT) AS weight_building,
        CAST(sum(weight) FILTER (precision = 'point') AS BIGINT) AS weight_point,
        CAST(sum(weight) FILTER (precision = 'postcode') AS BIGINT) AS weight_postcode,
        CAST(sum(weight) FILTER (precision = 'area') AS BIGINT) AS weight_area,
        CAST(sum(weight) FILTER (precision = 'none') AS BIGINT) AS weight_unplaced
    FROM places.record_placed
    GROUP BY dataset
)
SELECT
    described.authority_code,  -- GSS code of the authority
    described.dataset,  -- dataset
    coalesce(read.rows_read, 0) AS rows_read,  -- rows read from the dataset's files
    coalesce(read.rows_kept, 0) AS rows_kept,  -- rows kept
    coalesce(read.rows_rejected, 0) AS rows_rejected,  -- rows rejected: read = kept + rejected
    coalesce(read.weight_read, 0) AS weight_read,  -- what the rows read count for
    coalesce(read.weight_kept, 0) AS weight_kept,  -- what the rows kept count for
    coalesce(read.weight_rejected, 0) AS weight_rejected,  -- what the rows rejected count for
    coalesce(placed.rows_by_uprn, 0) AS rows_by_uprn,  -- records put on a property or building by their UPRN
    coalesce(placed.rows_by_cross_reference, 0) AS rows_by_cross_reference,  -- records put there by the service's own reference of the property
    coalesce(placed.rows_by_address, 0) AS rows_by_address,  -- records put there by their address
    coalesce(placed.rows_property, 0) AS rows_property,  -- records put on a property
    coalesce(placed.rows_building, 0) AS rows_building,  -- records put on a building, the flat unknown
    coalesce(placed.rows_point, 0) AS rows_point,  -- records put on a point by their coordinates
    coalesce(placed.rows_postcode, 0) AS rows_postcode,  -- records put on a postcode
    coalesce(placed.straddling_rows, 0) AS straddling_rows,  -- of these, on a postcode with homes in more than one LSOA: some are in the wrong one
    coalesce(placed.rows_area, 0) AS rows_area,  -- records put on an area by its code
    coalesce(placed.rows_unplaced, 0) AS rows_unplaced,  -- records without a place: kept = all of these together
    coalesce(placed.weight_by_uprn, 0) AS weight_by_uprn,  -- what the records put on a property or building by their UPRN count for
    coalesce(placed.weight_by_cross_reference, 0) AS weight_by_cross_reference,  -- what the records put there by the service's own reference of the property count for
    coalesce(placed.weight_by_address, 0) AS weight_by_address,  -- what the records put there by their address count for
    coalesce(placed.weight_property, 0) AS weight_property,  -- what the records on a property count for
    coalesce(placed.weight_building, 0) AS weight_building,  -- what the records on a building count for
    coalesce(placed.weight_point, 0) AS weight_point,  -- what the records on a point count for
    coalesce(placed.weight_postcode, 0) AS weight_postcode,  -- what the records on a postcode count for
    coalesce(placed.weight_area, 0) AS weight_area,  -- what the records on an area count for
    coalesce(placed.weight_unplaced, 0) AS weight_unplaced  -- what the records without a place count for
FROM services.dataset AS described
LEFT JOIN read USING (dataset)
LEFT JOIN placed USING (dataset)
