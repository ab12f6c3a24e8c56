-- Every record on its place, or the reason why not: one row per record, placed by the best location key that serves:
-- UPRN, then cross-reference, address, coordinates, postcode, area code.
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
asked AS (
    -- What each key by itself says.
    SELECT
        record.*,
        gazetteer.is_there AS gazetteer_is_there,
        gazetteer.has_areas,
        judged.believed AS column_believed,
        judged.why = 'blank' AS column_blank,
        shared.uprn IS NOT NULL AS is_shared,
        given.status AS given_status,
        starts_with(given.class_code, 'PS') AS is_street,
        CASE
            WHEN NOT judged.believed OR starts_with(given.class_code, 'PS') THEN NULL
            WHEN given.status = 'historic' THEN successor.successor_uprn
            WHEN given.status <> 'rejected' THEN given.uprn
        END AS said_uprn,
        reference.uprn AS by_reference,
        reference.finding AS reference_finding,
        decision.outcome AS address_outcome,
        CASE WHEN decision.outcome = 'matched' THEN decision.uprn END AS by_address,
        CASE WHEN decision.outcome = 'building' THEN decision.building_uprn END AS by_building,
        point.oa_code AS point_oa_code,
        postcode.oa_code AS postcode_oa_code,
        postcode.easting AS postcode_easting,
        postcode.northing AS postcode_northing,
        CASE WHEN postcode.homes > 0 THEN postcode.homes - postcode.homes_in_lsoa ELSE 0 END AS homes_elsewhere,
        postcode.homes AS postcode_homes,
        area.area_type AS given_area_type
    FROM services.record AS record
    CROSS JOIN gazetteer
    LEFT JOIN places.uprn_column AS judged ON judged.dataset = record.dataset AND judged.file = record.file
    LEFT JOIN places.uprn_shared AS shared
        ON shared.dataset = record.dataset AND shared.file = record.file AND shared.uprn = record.uprn
    LEFT JOIN places.uprn AS given ON given.uprn = record.uprn
    LEFT JOIN places.uprn_successor AS successor ON successor.uprn = record.uprn
    LEFT JOIN places.record_reference AS reference
        ON reference.dataset = record.dataset AND reference.file = record.file AND reference.row_number = record.row_number
    LEFT JOIN places.address_match AS decision
        ON decision.address = record.address AND decision.postcode IS NOT DISTINCT FROM record.postcode
    LEFT JOIN places.point_oa AS point ON point.easting = record.easting AND point.northing = record.northing
    LEFT JOIN places.postcode AS postcode ON postcode.postcode = record.postcode
    LEFT JOIN places.area AS area ON area.area_code = record.area_code
),
weighed AS (
    -- The UPRN against the address.
    SELECT
        asked.*,
        said.postcode <> asked.postcode AS postcode_clashes,
        said.oa_code IS NULL AND has_areas AS is_outside,
        said.is_shell AS said_is_shell,
        said.status = 'provisional' AS said_is_provisional,
        -- Land, objects of Ordnance Survey's own, utilities, what lies under the ground: nobody lives or works there.
        regexp_matches(said.class_code, '^(L|O|CU|Z[AMUV])') AS said_has_no_address,
        -- A flat in the building that the UPRN means says no other thing, only more.
        meant.parent_uprn = said_uprn AS address_is_within,
        by_address <> said_uprn AND meant.parent_uprn IS DISTINCT FROM said_uprn
            AND said.parent_uprn IS DISTINCT FROM by_address AS address_clashes,
        meant.postcode = asked.postcode AS address_has_the_postcode
    FROM asked
    LEFT JOIN places.uprn AS said ON said.uprn = asked.said_uprn
    LEFT JOIN places.uprn AS meant ON meant.uprn = asked.by_address
),
believed AS (
    SELECT
        weighed.*,
        -- A UPRN is copied from system to system and rarely typed, so it is believed against an address. Where postcode and
        -- address agree with each other against it, it is a UPRN of another row or of a former address.
        coalesce(address_clashes AND postcode_clashes AND address_has_the_postcode, false) AS is_overruled,
        -- A default stands on records of anywhere: where the address does not say the same it says nothing.
        is_shared AND said_uprn IS NOT NULL AND by_address IS DISTINCT FROM said_uprn AS is_default
    FROM weighed
),
keyed AS (
    SELECT
        believed.*,
        CASE WHEN NOT is_overruled AND NOT is_default AND NOT coalesce(address_is_within, false) THEN said_uprn END AS by_uprn,
        CASE
            WHEN uprn IS NULL THEN CASE WHEN column_blank THEN 'uprn_column_blank' ELSE uprn_issue END
            WHEN NOT gazetteer_is_there THEN 'uprn_unchecked'
            WHEN NOT column_believed THEN 'uprn_column_not_uprns'
            WHEN given_status IS NULL THEN 'uprn_unknown'
            WHEN given_status = 'rejected' THEN 'uprn_rejected'
            WHEN is_street THEN 'uprn_not_addressable'
            WHEN is_default THEN 'uprn_shared'
            WHEN is_overruled THEN 'uprn_overruled'
            WHEN given_status = 'historic' AND said_uprn IS NULL THEN 'uprn_historic_no_successor'
            WHEN given_status = 'historic' THEN 'uprn_historic'
            WHEN is_outside THEN 'uprn_outside'
            WHEN address_clashes THEN 'uprn_address_clash'
            WHEN postcode_clashes THEN 'uprn_postcode_clash'
            WHEN said_is_shell THEN 'uprn_of_building'
            WHEN said_has_no_address THEN 'uprn_not_addressable'
            WHEN said_is_provisional THEN 'uprn_provisional'
            ELSE uprn_issue
        END AS uprn_finding
    FROM believed
),
chosen AS (
    SELECT
        keyed.*,
        CASE
            WHEN by_uprn IS NOT NULL THEN 'uprn'
            WHEN by_reference IS NOT NULL THEN 'cross_reference'
            WHEN by_address IS NOT NULL OR by_building IS NOT NULL THEN 'address'
            WHEN point_oa_code IS NOT NULL THEN 'coordinates'
            WHEN postcode_oa_code IS NOT NULL THEN 'postcode'
            WHEN given_area_type IS NOT NULL THEN 'area_code'
            ELSE 'none'
        END AS location_key,
        coalesce(by_uprn, by_reference, by_address, by_building) AS placed_uprn
    FROM keyed
),
placed AS (
    SELECT
        chosen.*,
        property.is_shell,
        property.is_communal,
        property.status AS property_status,
        CASE
            WHEN location_key IN ('uprn', 'cross_reference', 'address') THEN property.easting
            WHEN location_key = 'coordinates' THEN chosen.easting
            WHEN location_key = 'postcode' THEN chosen.postcode_easting
        END AS placed_easting,
        CASE
            WHEN location_key IN ('uprn', 'cross_reference', 'address') THEN property.northing
            WHEN location_key = 'coordinates' THEN chosen.northing
            WHEN location_key = 'postcode' THEN chosen.postcode_northing
        END AS placed_northing,
        CASE
            WHEN location_key IN ('uprn', 'cross_reference', 'address') THEN property.oa_code
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
    placed.location_key,  -- the key that served: uprn, cross_reference, address, coordinates, postcode, area_code, none
    CASE
        WHEN location_key = 'none' THEN 'none'
        WHEN location_key IN ('uprn', 'cross_reference', 'address') THEN
            CASE WHEN is_shell OR (location_key = 'address' AND by_address IS NULL) THEN 'building' ELSE 'property' END
        WHEN location_key = 'coordinates' THEN 'point'
        WHEN location_key = 'postcode' THEN 'postcode'
        ELSE 'area'
    END AS precision,  -- how precise the place is: property, building, point, postcode, area, none
    placed.placed_uprn AS uprn,  -- UPRN that the record was put on, where it reached a property or building
    coalesce(placed.is_communal, false) AS is_communal,  -- many people may share that address
    placed.uprn_finding,  -- what is wrong with the UPRN as given, the gazetteer asked
    CASE WHEN location_key <> 'uprn' THEN reference_finding END AS reference_finding,  -- what is wrong with the service's own reference of the property, where no UPRN placed the record
    CASE
        WHEN location_key NOT IN ('uprn', 'cross_reference') AND address_outcome <> 'matched' THEN 'address_' || address_outcome
    END AS address_finding,  -- why the address named no one property, where neither UPRN nor cross-reference placed the record
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
