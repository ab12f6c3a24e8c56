-- Every record on its place, or the reason why not: one row per record, placed by the best location key that serves:
-- UPRN, then exact standardised address, coordinates, postcode, area code.
-- key: dataset, file, row_number
WITH gazetteer AS (
    SELECT
        EXISTS (SELECT 1 FROM places.uprn) AS is_there,
        EXISTS (SELECT 1 FROM places.output_area) AS has_areas
),
lsoa_ward AS (
    -- A record known by its LSOA alone goes to the ward with most of the LSOA's Output Areas.
    SELECT lsoa_code, msoa_code, ward_code
    FROM places.output_area
    GROUP BY lsoa_code, msoa_code, ward_code
    QUALIFY row_number() OVER (PARTITION BY lsoa_code ORDER BY count(*) DESC, ward_code) = 1
),
keyed AS (
    SELECT
        record.*,
        CASE WHEN given.status = 'historic' THEN successor.uprn WHEN given.status <> 'rejected' THEN given.uprn END AS by_uprn,
        CASE
            WHEN record.uprn_issue IS NOT NULL AND record.uprn_issue <> 'uprn_decimal' THEN record.uprn_issue
            WHEN record.uprn IS NULL THEN NULL
            WHEN NOT gazetteer.is_there THEN 'uprn_unchecked'
            WHEN given.uprn IS NULL OR given.status = 'rejected' THEN 'uprn_unknown'
            WHEN given.status = 'historic' THEN 'uprn_historic'
            WHEN given.oa_code IS NULL AND gazetteer.has_areas THEN 'uprn_outside'
            WHEN given.postcode <> record.postcode THEN 'uprn_postcode_clash'
            ELSE record.uprn_issue
        END AS uprn_finding,
        address.uprn AS by_address,
        point.oa_code AS point_oa_code,
        postcode.oa_code AS postcode_oa_code,
        postcode.easting AS postcode_easting,
        postcode.northing AS postcode_northing,
        CASE WHEN postcode.homes > 0 THEN postcode.homes - postcode.homes_in_lsoa ELSE 0 END AS homes_elsewhere,
        postcode.homes AS postcode_homes,
        area.area_type AS given_area_type
    FROM services.record AS record
    CROSS JOIN gazetteer
    LEFT JOIN places.uprn AS given ON given.uprn = record.uprn
    LEFT JOIN places.uprn AS successor ON successor.uprn = given.successor_uprn AND successor.status = 'live'
    LEFT JOIN places.record_address AS wording
        ON wording.address = record.address AND wording.postcode IS NOT DISTINCT FROM record.postcode
    LEFT JOIN places.address_key AS address ON address.address_key = wording.address_key AND address.uprns = 1
    LEFT JOIN places.point_oa AS point ON point.easting = record.easting AND point.northing = record.northing
    LEFT JOIN places.postcode AS postcode ON postcode.postcode = record.postcode
    LEFT JOIN places.area AS area ON area.area_code = record.area_code
),
chosen AS (
    SELECT
        keyed.*,
        CASE
            WHEN by_uprn IS NOT NULL THEN 'uprn'
            WHEN by_address IS NOT NULL THEN 'address'
            WHEN point_oa_code IS NOT NULL THEN 'coordinates'
            WHEN postcode_oa_code IS NOT NULL THEN 'postcode'
            WHEN given_area_type IS NOT NULL THEN 'area_code'
            ELSE 'none'
        END AS location_key,
        coalesce(by_uprn, by_address) AS placed_uprn
    FROM keyed
),
placed AS (
    SELECT
        chosen.*,
        property.is_shell,
        property.is_communal,
        property.status AS property_status,
        CASE
            WHEN location_key IN ('uprn', 'address') THEN property.easting
            WHEN location_key = 'coordinates' THEN chosen.easting
            WHEN location_key = 'postcode' THEN chosen.postcode_easting
        END AS placed_easting,
        CASE
            WHEN location_key IN ('uprn', 'address') THEN property.northing
            WHEN location_key = 'coordinates' THEN chosen.northing
            WHEN location_key = 'postcode' THEN chosen.postcode_northing
        END AS placed_northing,
        CASE
            WHEN location_key IN ('uprn', 'address') THEN property.oa_code
            WHEN location_key = 'coordinates' THEN point_oa_code
            WHEN location_key = 'postcode' THEN postcode_oa_code
            WHEN given_area_type = 'oa' THEN chosen.area_code
        END AS placed_oa_code
    FROM chosen
    LEFT JOIN places.uprn AS property ON property.uprn = chosen.placed_uprn
)
SELECT
    placed.authority_code,  -- GSS code of the authority
    placed.dataset,  -- dataset that the record belongs to
    placed.role,  -- `service`, or `site` where the record is a place that a service is delivered from
    placed.record_id,  -- the record: its reference (a keyed mark where personal), else file and row number
    placed.subject,  -- the person or household that the record is about, a keyed mark; empty where the extract names none
    placed.file,  -- file that the record stands in
    placed.row_number,  -- row of the file as a spreadsheet counts
    placed.as_at,  -- date that the extract describes
    placed.event_date,  -- date of the event, for flows
    placed.weight,  -- how many the record counts for
    placed.location_key,  -- the key that served: uprn, address, coordinates, postcode, area_code, none
    CASE
        WHEN location_key = 'none' THEN 'none'
        WHEN location_key IN ('uprn', 'address') THEN CASE WHEN is_shell THEN 'building' ELSE 'property' END
        WHEN location_key = 'coordinates' THEN 'point'
        WHEN location_key = 'postcode' THEN 'postcode'
        ELSE 'area'
    END AS precision,  -- how precise the place is: property, building, point, postcode, area, none
    placed.placed_uprn AS uprn,  -- UPRN that the record was put on, where it reached a property or building
    coalesce(placed.is_communal, false) AS is_communal,  -- many people may share that address
    placed.uprn_finding,  -- what is wrong with the UPRN as given, the gazetteer asked
    CASE
        WHEN location_key <> 'none' THEN NULL
        WHEN placed.area_code IS NOT NULL THEN 'area_code_unknown'
        WHEN placed.postcode IS NOT NULL THEN 'postcode_unknown'
        WHEN placed.easting IS NOT NULL THEN 'coordinates_elsewhere'
        WHEN placed.address IS NOT NULL THEN 'address_unknown'
        ELSE 'no_location'
    END AS unplaced_because,  -- why the record has no place
    placed.placed_easting AS easting,  -- easting of the place, metres, EPSG:27700
    placed.placed_northing AS northing,  -- northing of the place, metres, EPSG:27700
    placed.placed_oa_code AS oa_code,  -- Output Area of the place; empty where only a larger area is known
    CASE
        WHEN placed_oa_code IS NOT NULL THEN block.lsoa_code
        WHEN location_key = 'area_code' AND given_area_type = 'lsoa' THEN placed.area_code
    END AS lsoa_code,  -- Lower layer Super Output Area of the place
    CASE
        WHEN placed_oa_code IS NOT NULL THEN block.msoa_code
        WHEN location_key = 'area_code' AND given_area_type = 'lsoa' THEN lsoa_ward.msoa_code
        WHEN location_key = 'area_code' AND given_area_type = 'msoa' THEN placed.area_code
    END AS msoa_code,  -- Middle layer Super Output Area of the place
    CASE
        WHEN placed_oa_code IS NOT NULL THEN block.ward_code
        WHEN location_key = 'area_code' AND given_area_type = 'lsoa' THEN lsoa_ward.ward_code
        WHEN location_key = 'area_code' AND given_area_type = 'ward' THEN placed.area_code
    END AS ward_code,  -- electoral ward of the place, best fit
    CASE
        WHEN location_key = 'postcode' THEN CAST(round(100.0 * homes_elsewhere / greatest(postcode_homes, 1)) AS BIGINT)
        ELSE 0
    END AS percent_at_risk  -- for a postcode: the percentage of its homes that lie in another LSOA than the one chosen
FROM placed
LEFT JOIN places.output_area AS block ON block.oa_code = placed.placed_oa_code
LEFT JOIN lsoa_ward ON lsoa_ward.lsoa_code = placed.area_code
