-- What an area is: one row per LSOA, MSOA, ward and the authority, with its homes, people and deprivation, the
-- denominators of every rate.
-- key: area_type, area_code
WITH homes AS (
    SELECT area_type, area_code, CAST(sum(homes) AS BIGINT) AS homes
    FROM places.home_area
    GROUP BY ALL
),
people AS (
    -- Those of the latest year.
    SELECT
        area_type,
        area_code,
        max(number) FILTER (counted = 'people') AS people,
        max(number) FILTER (counted = 'people_65_and_over') AS people_65_and_over
    FROM (
        SELECT * FROM places.area_count
        WHERE counted IN ('people', 'people_65_and_over')
        QUALIFY year = max(year) OVER (PARTITION BY counted)
    )
    GROUP BY area_type, area_code
)
SELECT
    area.authority_code,  -- GSS code of the authority
    area.area_type,  -- authority, ward, msoa or lsoa
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    area.vintage,  -- year of the boundary, two digits
    area.easting,  -- easting of a point inside, metres, EPSG:27700
    area.northing,  -- northing of a point inside, metres, EPSG:27700
    area.longitude,  -- longitude of that point, degrees, ETRS89
    area.latitude,  -- latitude of that point, degrees, ETRS89
    area.hectares,  -- area, hectares
    CASE WHEN EXISTS (SELECT 1 FROM places.home) THEN coalesce(homes.homes, 0) END AS homes,  -- homes, from the gazetteer's classes or an open tally of homes
    people.people,  -- usual residents in the latest year known; where only LSOA figures are given and an LSOA lies in two wards, shared out by homes
    people.people_65_and_over,  -- of these, aged 65 and over; shared out likewise
    deprivation.imd_decile,  -- deprivation decile in England, 1 the most deprived; LSOAs only
    area.geometry_wkb  -- multipolygon, WKB, EPSG:27700
FROM places.area AS area
LEFT JOIN homes USING (area_type, area_code)
LEFT JOIN people USING (area_type, area_code)
LEFT JOIN sources.deprivation AS deprivation ON area.area_type = 'lsoa' AND deprivation.lsoa_code = area.area_code
WHERE area.area_type <> 'oa'
