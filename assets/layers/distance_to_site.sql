-- How far homes are from the nearest site of each kind, in a straight line: one row per kind of site and area.
-- key: site_kind, area_type, area_code
-- use: impersonal
WITH kind AS (
    SELECT DISTINCT site_kind FROM layers.site
),
by_area AS (
    SELECT home.area_type, home.area_code, kind.site_kind, home.homes, nearest.metres
    FROM places.home_area AS home
    CROSS JOIN kind
    LEFT JOIN layers.nearest_site AS nearest ON nearest.place = home.place AND nearest.site_kind = kind.site_kind
),
running AS (
    -- The median of homes: the distance at which half of the homes that were measured are reached.
    SELECT
        area_type,
        area_code,
        site_kind,
        metres,
        sum(sum(homes)) OVER (PARTITION BY area_type, area_code, site_kind ORDER BY metres) AS homes_so_far,
        sum(sum(homes)) OVER (PARTITION BY area_type, area_code, site_kind) AS homes_measured
    FROM by_area
    WHERE metres IS NOT NULL
    GROUP BY area_type, area_code, site_kind, metres
),
median AS (
    SELECT area_type, area_code, site_kind, min(metres) AS median_metres
    FROM running
    WHERE homes_so_far * 2 >= homes_measured
    GROUP BY ALL
),
counted AS (
    SELECT
        area_type,
        area_code,
        site_kind,
        CAST(sum(homes) AS BIGINT) AS homes,
        CAST(coalesce(sum(homes) FILTER (metres IS NOT NULL), 0) AS BIGINT) AS homes_measured,
        CAST(coalesce(sum(homes) FILTER (metres <= 400), 0) AS BIGINT) AS homes_within_400m,
        CAST(coalesce(sum(homes) FILTER (metres <= 800), 0) AS BIGINT) AS homes_within_800m,
        CAST(coalesce(sum(homes) FILTER (metres <= 1600), 0) AS BIGINT) AS homes_within_1600m
    FROM by_area
    GROUP BY ALL
)
SELECT
    area.authority_code,  -- GSS code of the authority
    kind.site_kind,  -- kind of site
    area.area_type,  -- authority, ward, msoa or lsoa
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    coalesce(counted.homes, 0) AS homes,  -- homes in the area
    coalesce(counted.homes_measured, 0) AS homes_measured,  -- of these, with coordinates to measure from
    median.median_metres,  -- distance within which half of the homes measured have a site, metres, straight line
    coalesce(counted.homes_within_400m, 0) AS homes_within_400m,  -- homes with a site within 400 metres (about 5 minutes' walk)
    coalesce(counted.homes_within_800m, 0) AS homes_within_800m,  -- homes with a site within 800 metres (about 10 minutes' walk)
    coalesce(counted.homes_within_1600m, 0) AS homes_within_1600m  -- homes with a site within 1,600 metres (about 20 minutes' walk)
FROM layers.area_profile AS area
CROSS JOIN kind
LEFT JOIN counted USING (site_kind, area_type, area_code)
LEFT JOIN median USING (site_kind, area_type, area_code)
