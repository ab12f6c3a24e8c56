-- Where the homes are: one row per property that is a home; where no gazetteer says which properties are, one row per
-- place of an open tally that counts homes (its latest extract).
-- key: place
-- use: impersonal
WITH property AS (
    SELECT
        authority_code,
        'uprn ' || uprn AS place,
        1 AS homes,
        easting,
        northing,
        oa_code,
        lsoa_code,
        msoa_code,
        ward_code
    FROM places.uprn
    WHERE is_home
),
tally AS (
    SELECT
        placed.authority_code,
        placed.dataset || ' ' || placed.file || ' ' || placed.row_number AS place,
        placed.weight AS homes,
        placed.easting,
        placed.northing,
        placed.oa_code,
        placed.lsoa_code,
        placed.msoa_code,
        placed.ward_code
    FROM places.record_placed AS placed
    JOIN services.dataset AS described USING (dataset)
    WHERE described.counts = 'home' AND described.sensitivity = 'open' AND placed.as_at = described.last_as_at
        AND NOT EXISTS (SELECT 1 FROM property)
),
home AS (
    SELECT * FROM property
    UNION ALL
    SELECT * FROM tally
)
SELECT
    authority_code,  -- GSS code of the authority
    place,  -- the property, or the row of the tally
    CAST(homes AS BIGINT) AS homes,  -- homes there
    easting,  -- easting, metres, EPSG:27700; empty where only an area is known
    northing,  -- northing, metres, EPSG:27700; empty where only an area is known
    oa_code,  -- Output Area
    lsoa_code,  -- Lower layer Super Output Area
    msoa_code,  -- Middle layer Super Output Area
    ward_code  -- electoral ward, best fit
FROM home
