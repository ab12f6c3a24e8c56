-- The gazetteer's addresses: one row per way of writing, from the LPIs of each BLPU and from Royal Mail's delivery points.
-- A live property answers to its approved, alternative and provisional LPIs; a historic one is kept so that a record at
-- a retired address can be told so, and is never placed there.
-- key: uprn, written_by
WITH property AS (
    SELECT uprn, any_value(class_code) AS class_code, min(parent_uprn) AS parent_uprn, min(usrn) AS usrn,
        min(blpu_status) AS blpu_status, min(easting) AS easting, min(northing) AS northing
    FROM sources.llpg
    GROUP BY uprn
),
lpi AS (
    SELECT
        uprn,
        'LPI ' || lpi_key AS written_by,
        organisation,
        -- A secondary or primary object is its text, then its number with suffix, or the range of numbers.
        concat_ws(' ', sao_text, concat_ws('-',
            nullif(concat(sao_start_number, sao_start_suffix), ''),
            nullif(concat(sao_end_number, sao_end_suffix), ''))) AS sub_building,
        coalesce(pao_text, '') AS building_name,
        concat_ws('-',
            nullif(concat(pao_start_number, pao_start_suffix), ''),
            nullif(concat(pao_end_number, pao_end_suffix), '')) AS building_number,
        street,
        locality,
        town,
        postcode
    FROM sources.llpg
    WHERE lpi_status IN (1, 3, 5, 6) OR blpu_status NOT IN (1, 5, 6)
),
delivery_point AS (
    SELECT
        uprn,
        'Royal Mail ' || udprn AS written_by,
        organisation,
        coalesce(sub_building, '') AS sub_building,
        coalesce(building_name, '') AS building_name,
        coalesce(building_number, '') AS building_number,
        concat_ws(' ', dependent_street, street) AS street,
        concat_ws(' ', double_dependent_locality, locality) AS locality,
        town,
        postcode
    FROM sources.delivery_point
    WHERE po_box IS NULL
),
written AS (
    SELECT * FROM lpi
    UNION ALL
    SELECT * FROM delivery_point
)
SELECT
    authority.authority_code,  -- GSS code of the authority
    written.uprn,  -- Unique Property Reference Number
    written.written_by,  -- whose way of writing: `LPI` or `Royal Mail`, with its key there
    property.parent_uprn,  -- UPRN of the building or shell that it is a part of
    property.usrn,  -- Unique Street Reference Number
    coalesce(property.class_code, '') AS class_code,  -- BLPU classification
    CASE
        WHEN property.blpu_status = 1 THEN 'live'
        WHEN property.blpu_status IN (5, 6) THEN 'provisional'
        WHEN property.blpu_status = 8 THEN 'historic'
        ELSE 'rejected'
    END AS status,  -- live, provisional, historic or rejected
    coalesce(written.organisation, '') AS organisation,  -- organisation at the property
    written.sub_building,  -- part of the building, such as FLAT 2
    written.building_name,  -- building name
    written.building_number,  -- house number with its letter, or range of numbers
    coalesce(written.street, '') AS street,  -- street
    coalesce(written.locality, '') AS locality,  -- locality
    coalesce(written.town, '') AS town,  -- town
    coalesce(written.postcode, '') AS postcode,  -- postcode, in the form AB1 2CD
    property.easting,  -- easting, metres, EPSG:27700
    property.northing,  -- northing, metres, EPSG:27700
    concat_ws(', ',
        nullif(written.organisation, ''), nullif(written.sub_building, ''), nullif(written.building_name, ''),
        nullif(concat_ws(' ', nullif(written.building_number, ''), nullif(written.street, '')), ''),
        nullif(written.locality, ''), nullif(written.town, '')) AS address  -- the whole address without its postcode
FROM written
JOIN property USING (uprn)
CROSS JOIN sources.authority AS authority
-- A street is in the gazetteer too, as a BLPU of its own.
WHERE property.class_code IS NULL OR property.class_code NOT LIKE 'PS%'
