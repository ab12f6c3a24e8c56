-- What the population estimates and the census count in each area, year by year: usual residents, those aged 65 and over,
-- and households by tenure. Each area is a set of whole Output Areas.
-- key: counted, year, area_type, area_code
WITH block AS (
    SELECT counted.*, block.lsoa_code, block.msoa_code, block.ward_code
    FROM places.output_area_count AS counted
    JOIN places.output_area AS block USING (oa_code)
),
in_area AS (
    SELECT authority_code, counted, year, 'authority' AS area_type, authority_code AS area_code, millionths FROM block
    UNION ALL
    SELECT authority_code, counted, year, 'lsoa', lsoa_code, millionths FROM block
    UNION ALL
    SELECT authority_code, counted, year, 'msoa', msoa_code, millionths FROM block
    UNION ALL
    SELECT authority_code, counted, year, 'ward', ward_code, millionths FROM block
)
SELECT
    authority_code,  -- GSS code of the authority
    counted,  -- people, people_65_and_over, or households by tenure: owned, social_rented, private_rented, other
    year,  -- year of the figure; 0 where neither file nor description tells one
    area_type,  -- authority, ward, msoa or lsoa
    area_code,  -- GSS code of the area
    CAST(round(sum(millionths) / 1000000.0) AS BIGINT) AS number  -- people or households
FROM in_area
WHERE area_code IS NOT NULL
GROUP BY ALL
