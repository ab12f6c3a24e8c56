-- What an area is: one row per LSOA, MSOA, ward and the authority, with its homes, people and deprivation, the
-- denominators of every rate.
-- key: area_type, area_code
WITH homes AS (
    SELECT area_type, area_code, CAST(sum(homes) AS BIGINT) AS homes
    FROM places.home_area
    GROUP BY ALL
),
block AS (
    -- Output Areas with their part in their LSOA: by homes, or each alike where no homes are known.
    SELECT
        block.oa_code,
        block.lsoa_code,
        block.msoa_code,
        block.ward_code,
        CASE WHEN sum(in_block.homes) OVER lsoa > 0 THEN coalesce(in_block.homes, 0) ELSE 1 END AS part,
        coalesce(nullif(sum(in_block.homes) OVER lsoa, 0), count(*) OVER lsoa) AS whole
    FROM places.output_area AS block
    LEFT JOIN (
        SELECT oa_code, CAST(sum(homes) AS BIGINT) AS homes FROM places.home GROUP BY oa_code
    ) AS in_block USING (oa_code)
    WINDOW lsoa AS (PARTITION BY block.lsoa_code)
),
block_people AS (
    -- In millionths, so that parts add up to the whole. Output Area figures where the publisher gives them (whole areas
    -- of every kind are made of them), else those of LSOAs, shared out.
    SELECT block.*, population.people * 1000000 AS millionths
    FROM sources.population AS population
    JOIN block ON block.oa_code = population.area_code
    UNION ALL
    SELECT block.*, CAST(round(1000000.0 * population.people * block.part / block.whole) AS BIGINT)
    FROM sources.population AS population
    JOIN block ON block.lsoa_code = population.area_code
    WHERE NOT EXISTS (
        SELECT 1 FROM sources.population AS finer
        JOIN places.output_area AS known ON known.oa_code = finer.area_code
    )
),
block_area AS (
    SELECT 'authority' AS area_type, authority_code AS area_code, millionths FROM block_people CROSS JOIN sources.authority
    UNION ALL
    SELECT 'lsoa', lsoa_code, millionths FROM block_people
    UNION ALL
    SELECT 'msoa', msoa_code, millionths FROM block_people
    UNION ALL
    SELECT 'ward', ward_code, millionths FROM block_people
),
people_area AS (
    SELECT area_type, area_code, CAST(round(sum(millionths) / 1000000.0) AS BIGINT) AS people
    FROM block_area
    WHERE area_code IS NOT NULL
    GROUP BY ALL
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
    people.people,  -- usual residents; where only LSOA figures are given and an LSOA lies in two wards, shared out by homes
    deprivation.imd_decile,  -- deprivation decile in England, 1 the most deprived; LSOAs only
    area.geometry_wkb  -- multipolygon, WKB, EPSG:27700
FROM places.area AS area
LEFT JOIN homes USING (area_type, area_code)
LEFT JOIN people_area AS people USING (area_type, area_code)
LEFT JOIN sources.deprivation AS deprivation ON area.area_type = 'lsoa' AND deprivation.lsoa_code = area.area_code
WHERE area.area_type <> 'oa'
