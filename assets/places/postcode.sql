-- Postcodes: one row per postcode that Code-Point Open or the spine knows, with the Output Area that has most of its
-- homes (ONS best fit), else the one in which its point lies; and how many of its homes lie in that same area.
-- key: postcode
WITH homes AS (
    SELECT postcode, oa_code, lsoa_code, msoa_code, ward_code, count(*) AS homes
    FROM places.uprn
    WHERE postcode IS NOT NULL AND oa_code IS NOT NULL AND status = 'live' AND coalesce(is_home, true)
    GROUP BY ALL
),
best AS (
    SELECT * FROM homes
    QUALIFY row_number() OVER (PARTITION BY postcode ORDER BY homes DESC, oa_code) = 1
),
spread AS (
    SELECT
        homes.postcode,
        CAST(sum(homes.homes) AS BIGINT) AS homes,
        CAST(sum(homes.homes) FILTER (homes.oa_code = best.oa_code) AS BIGINT) AS homes_in_oa,
        CAST(sum(homes.homes) FILTER (homes.lsoa_code = best.lsoa_code) AS BIGINT) AS homes_in_lsoa,
        CAST(sum(homes.homes) FILTER (homes.msoa_code = best.msoa_code) AS BIGINT) AS homes_in_msoa,
        CAST(sum(homes.homes) FILTER (homes.ward_code = best.ward_code) AS BIGINT) AS homes_in_ward
    FROM homes
    JOIN best USING (postcode)
    GROUP BY homes.postcode
),
point AS (
    SELECT postcode, easting, northing, oa_code
    FROM sources.code_point_open
    LEFT JOIN places.point_oa USING (easting, northing)
    WHERE easting > 0
),
known AS (
    SELECT postcode FROM best
    UNION
    SELECT postcode FROM sources.code_point_open
)
SELECT
    authority.authority_code,  -- GSS code of the authority
    known.postcode,  -- postcode, in the form AB1 2CD
    point.easting,  -- easting of Code-Point Open's point, metres, EPSG:27700
    point.northing,  -- northing of that point, metres, EPSG:27700
    coalesce(best.oa_code, point.oa_code) AS oa_code,  -- Output Area with most of the postcode's homes, else that of its point
    CASE WHEN best.oa_code IS NOT NULL THEN 'homes' WHEN point.oa_code IS NOT NULL THEN 'point' END AS method,  -- how the Output Area was found: by `homes` or by `point`
    coalesce(spread.homes, 0) AS homes,  -- homes (or properties, where no class is known) with the postcode
    spread.homes_in_oa,  -- of these, in the best-fit Output Area; the rest are at risk of being put in the wrong one
    spread.homes_in_lsoa,  -- of these, in the LSOA of that Output Area
    spread.homes_in_msoa,  -- of these, in the MSOA of that Output Area
    spread.homes_in_ward  -- of these, in the ward of that Output Area
FROM known
CROSS JOIN sources.authority AS authority
LEFT JOIN best USING (postcode)
LEFT JOIN spread USING (postcode)
LEFT JOIN point USING (postcode)
