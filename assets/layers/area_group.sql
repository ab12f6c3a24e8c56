-- Who lives in each area, from open data: people by age, households by tenure, and homes (people where no homes are known) by
-- fifth of deprivation of their LSOA. One row per area, breakdown and group. What recorded use would be expected is
-- worked out from it.
-- key: area_type, area_code, breakdown, group_name
WITH fifth AS (
    SELECT
        lsoa_code,
        CASE (imd_decile + 1) // 2 WHEN 1 THEN '1, most deprived' WHEN 5 THEN '5, least deprived'
            ELSE CAST((imd_decile + 1) // 2 AS VARCHAR) END AS group_name
    FROM sources.deprivation
    WHERE imd_decile BETWEEN 1 AND 10
),
latest AS (
    SELECT counted, year, area_type, area_code, number
    FROM places.area_count
    QUALIFY year = max(year) OVER (PARTITION BY counted)
),
aged AS (
    SELECT area_type, area_code, old.year, everybody.number - old.number AS younger, old.number AS older
    FROM latest AS old
    JOIN places.area_count AS everybody USING (year, area_type, area_code)
    WHERE old.counted = 'people_65_and_over' AND everybody.counted = 'people'
),
block_people AS (
    SELECT oa_code, millionths
    FROM places.output_area_count
    WHERE counted = 'people'
    QUALIFY year = max(year) OVER (PARTITION BY counted)
),
block_area AS (
    SELECT oa_code, lsoa_code, 'authority' AS area_type, authority_code AS area_code FROM places.output_area
    UNION ALL
    SELECT oa_code, lsoa_code, 'ward', ward_code FROM places.output_area
    UNION ALL
    SELECT oa_code, lsoa_code, 'msoa', msoa_code FROM places.output_area
    UNION ALL
    SELECT oa_code, lsoa_code, 'lsoa', lsoa_code FROM places.output_area
),
homes_fifth AS (
    SELECT in_area.area_type, in_area.area_code, fifth.group_name, sum(in_area.homes) AS number
    FROM places.home_area AS in_area
    JOIN places.home AS home USING (place)
    JOIN fifth ON fifth.lsoa_code = home.lsoa_code
    GROUP BY ALL
),
people_fifth AS (
    SELECT block_area.area_type, block_area.area_code, fifth.group_name, round(sum(millionths) / 1000000.0) AS number
    FROM block_people
    JOIN block_area USING (oa_code)
    JOIN fifth USING (lsoa_code)
    GROUP BY ALL
),
by_fifth AS (
    SELECT *, 'homes' AS unit FROM homes_fifth
    UNION ALL
    SELECT *, 'people' FROM people_fifth WHERE NOT EXISTS (SELECT 1 FROM places.home)
),
edition AS (
    SELECT max(epoch) AS epoch FROM sources.source WHERE source = 'deprivation'
),
grouped AS (
    SELECT area_type, area_code, 'age' AS breakdown, 'under 65' AS group_name, 'people' AS unit, younger AS number, CAST(year AS VARCHAR) AS as_of
    FROM aged
    UNION ALL
    SELECT area_type, area_code, 'age', '65 and over', 'people', older, CAST(year AS VARCHAR) FROM aged
    UNION ALL
    SELECT area_type, area_code, 'tenure', replace(counted, '_', ' '), 'households', number, CAST(year AS VARCHAR)
    FROM latest
    WHERE counted IN ('owned', 'social_rented', 'private_rented', 'other')
    UNION ALL
    -- Fifths without anybody have their row wherever deprivation is known.
    SELECT each.area_type, each.area_code, 'deprivation', names.group_name, units.unit, coalesce(by_fifth.number, 0), edition.epoch
    FROM (
        SELECT DISTINCT block_area.area_type, block_area.area_code FROM block_area JOIN fifth USING (lsoa_code)
    ) AS each
    CROSS JOIN (VALUES ('1, most deprived'), ('2'), ('3'), ('4'), ('5, least deprived')) AS names (group_name)
    CROSS JOIN (SELECT DISTINCT unit FROM by_fifth) AS units
    CROSS JOIN edition
    LEFT JOIN by_fifth
        ON by_fifth.area_type = each.area_type AND by_fifth.area_code = each.area_code AND by_fifth.group_name = names.group_name
)
SELECT
    area.authority_code,  -- GSS code of the authority
    area.area_type,  -- authority, ward, msoa or lsoa
    area.area_code,  -- GSS code of the area
    grouped.breakdown,  -- age, tenure or deprivation (fifths of England's LSOAs)
    grouped.group_name,  -- under 65, 65 and over; owned (with shared ownership), social rented, private rented, other (rent free); fifths
    grouped.unit,  -- people, households or homes
    CAST(grouped.number AS BIGINT) AS number,  -- how many of these live, or stand, in the area
    CASE WHEN grouped.as_of = '0' THEN 'year not stated' ELSE grouped.as_of END AS as_of  -- year or edition of the figures
FROM grouped
JOIN places.area AS area USING (area_type, area_code)
