-- Homes by the areas that they lie in: one row per home (or place of a tally of homes) and kind of area.
-- key: place, area_type
-- use: impersonal
WITH in_area AS (
    SELECT authority_code, place, homes, 'authority' AS area_type, authority_code AS area_code FROM places.home
    UNION ALL
    SELECT authority_code, place, homes, 'ward', ward_code FROM places.home
    UNION ALL
    SELECT authority_code, place, homes, 'msoa', msoa_code FROM places.home
    UNION ALL
    SELECT authority_code, place, homes, 'lsoa', lsoa_code FROM places.home
)
SELECT
    authority_code,  -- GSS code of the authority
    place,  -- the home, as in places.home
    homes,  -- homes there
    area_type,  -- authority, ward, msoa or lsoa
    area_code  -- GSS code of the area
FROM in_area
WHERE area_code IS NOT NULL
