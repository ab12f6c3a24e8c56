-- How long homes take to their nearest site of each kind, by road: one row per kind of site, mode of travel and area.
-- key: site_kind, mode, area_type, area_code
-- use: impersonal
WITH asked AS (
    SELECT kind.site_kind, mode.mode, kind.within_minutes
    FROM services.site_kind AS kind
    CROSS JOIN (SELECT DISTINCT mode FROM layers.snapped) AS mode
    SEMI JOIN layers.site AS site ON site.site_kind = kind.site_kind
),
by_area AS (
    SELECT home.area_type, home.area_code, asked.site_kind, asked.mode, asked.within_minutes, home.homes, travel.place IS NOT NULL AS is_measured, travel.seconds,
        snapped.is_far, snapped.is_across_water
    FROM places.home_area AS home
    CROSS JOIN asked
    LEFT JOIN layers.travel_time AS travel
        ON travel.place = home.place AND travel.site_kind = asked.site_kind AND travel.mode = asked.mode AND travel.nth = 1
    LEFT JOIN layers.snapped AS snapped
        ON snapped.place = home.place AND snapped.mode = asked.mode AND snapped.what IN ('property', 'tally')
),
running AS (
    -- The median of the homes that were measured; those that reach no site are the farthest of all.
    SELECT
        area_type,
        area_code,
        site_kind,
        mode,
        seconds,
        sum(sum(homes)) OVER (PARTITION BY area_type, area_code, site_kind, mode ORDER BY seconds NULLS LAST) AS homes_so_far,
        sum(sum(homes)) OVER (PARTITION BY area_type, area_code, site_kind, mode) AS homes_measured
    FROM by_area
    WHERE is_measured
    GROUP BY area_type, area_code, site_kind, mode, seconds
),
median AS (
    SELECT area_type, area_code, site_kind, mode, min(seconds) AS median_seconds
    FROM running
    WHERE homes_so_far * 2 >= homes_measured AND seconds IS NOT NULL
    GROUP BY ALL
),
counted AS (
    SELECT
        area_type,
        area_code,
        site_kind,
        mode,
        CAST(sum(homes) AS BIGINT) AS homes,
        CAST(coalesce(sum(homes) FILTER (is_measured), 0) AS BIGINT) AS homes_measured,
        CAST(coalesce(sum(homes) FILTER (is_measured AND seconds IS NULL), 0) AS BIGINT) AS homes_without_way,
        CAST(coalesce(sum(homes) FILTER (is_measured AND is_far), 0) AS BIGINT) AS homes_far_from_road,
        CAST(coalesce(sum(homes) FILTER (is_measured AND is_across_water), 0) AS BIGINT) AS homes_across_water,
        CAST(coalesce(sum(homes) FILTER (seconds <= 300), 0) AS BIGINT) AS homes_within_5_minutes,
        CAST(coalesce(sum(homes) FILTER (seconds <= 600), 0) AS BIGINT) AS homes_within_10_minutes,
        CAST(coalesce(sum(homes) FILTER (seconds <= 900), 0) AS BIGINT) AS homes_within_15_minutes,
        CAST(coalesce(sum(homes) FILTER (seconds <= 1200), 0) AS BIGINT) AS homes_within_20_minutes,
        CAST(coalesce(sum(homes) FILTER (seconds <= 1800), 0) AS BIGINT) AS homes_within_30_minutes,
        CAST(
            coalesce(sum(homes) FILTER (is_measured AND (seconds IS NULL OR seconds > 60 * within_minutes)), 0) AS BIGINT
        ) AS homes_beyond_limit
    FROM by_area
    GROUP BY ALL
)
SELECT
    area.authority_code,  -- GSS code of the authority
    asked.site_kind,  -- kind of site
    asked.mode,  -- walk, cycle or drive
    area.area_type,  -- authority, ward, msoa or lsoa
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    coalesce(counted.homes, 0) AS homes,  -- homes in the area
    coalesce(counted.homes_measured, 0) AS homes_measured,  -- of these, with coordinates to measure from
    coalesce(counted.homes_without_way, 0) AS homes_without_way,  -- of the homes measured, those from which no road leads to any site of the kind
    coalesce(counted.homes_far_from_road, 0) AS homes_far_from_road,  -- of the homes measured, those so far from the nearest road that their time is doubtful, or none
    coalesce(counted.homes_across_water, 0) AS homes_across_water,  -- of the homes measured, those with water between them and every road near
    CAST(median.median_seconds / 60 AS DECIMAL(9, 1)) AS median_minutes,  -- minutes within which half of the homes measured reach a site; empty where half of them reach none
    coalesce(counted.homes_within_5_minutes, 0) AS homes_within_5_minutes,  -- homes with a site within 5 minutes
    coalesce(counted.homes_within_10_minutes, 0) AS homes_within_10_minutes,  -- homes with a site within 10 minutes
    coalesce(counted.homes_within_15_minutes, 0) AS homes_within_15_minutes,  -- homes with a site within 15 minutes
    coalesce(counted.homes_within_20_minutes, 0) AS homes_within_20_minutes,  -- homes with a site within 20 minutes
    coalesce(counted.homes_within_30_minutes, 0) AS homes_within_30_minutes,  -- homes with a site within 30 minutes
    coalesce(counted.homes_beyond_limit, 0) AS homes_beyond_limit  -- homes measured that are too far by the limit of the kind, or reach none
FROM layers.area_profile AS area
CROSS JOIN asked
LEFT JOIN counted USING (site_kind, mode, area_type, area_code)
LEFT JOIN median USING (site_kind, mode, area_type, area_code)
