-- How many homes are too far from their nearest site of each kind, by road: one row per kind of site, mode of travel and group
-- (all homes; deciles of deprivation). A home from which no road leads to any site is beyond every limit.
-- key: site_kind, mode, breakdown, group_name
-- use: impersonal
WITH known AS (
    SELECT lsoa_code, imd_decile FROM sources.deprivation WHERE imd_decile BETWEEN 1 AND 10
),
home AS (
    SELECT home.place, home.homes, coalesce(CAST(known.imd_decile AS VARCHAR), 'not known') AS decile
    FROM places.home AS home
    LEFT JOIN known USING (lsoa_code)
),
grouped AS (
    SELECT place, homes, 'all homes' AS breakdown, 'all' AS group_name FROM home
    UNION ALL
    SELECT place, homes, 'deprivation decile', decile FROM home
),
shown AS (
    -- Each decile of the authority's own LSOAs has a row, with homes or without.
    SELECT 'all homes' AS breakdown, 'all' AS group_name
    UNION
    SELECT 'deprivation decile', CAST(known.imd_decile AS VARCHAR)
    FROM known
    SEMI JOIN places.output_area AS block ON block.lsoa_code = known.lsoa_code
    UNION
    SELECT 'deprivation decile', decile FROM home
),
asked AS (
    SELECT kind.site_kind, mode.mode, kind.mode AS usual_mode, kind.within_minutes
    FROM services.site_kind AS kind
    CROSS JOIN (SELECT DISTINCT mode FROM layers.snapped) AS mode
    SEMI JOIN layers.site AS site ON site.site_kind = kind.site_kind
),
measured AS (
    SELECT travel.site_kind, travel.mode, grouped.breakdown, grouped.group_name, grouped.homes, travel.seconds
    FROM grouped
    JOIN layers.travel_time AS travel ON travel.place = grouped.place AND travel.nth = 1
),
counted AS (
    SELECT
        measured.site_kind,
        measured.mode,
        measured.breakdown,
        measured.group_name,
        CAST(sum(homes) AS BIGINT) AS homes_measured,
        CAST(coalesce(sum(homes) FILTER (seconds IS NULL), 0) AS BIGINT) AS homes_without_way,
        CAST(coalesce(sum(homes) FILTER (seconds IS NULL OR seconds > 300), 0) AS BIGINT) AS homes_beyond_5_minutes,
        CAST(coalesce(sum(homes) FILTER (seconds IS NULL OR seconds > 600), 0) AS BIGINT) AS homes_beyond_10_minutes,
        CAST(coalesce(sum(homes) FILTER (seconds IS NULL OR seconds > 900), 0) AS BIGINT) AS homes_beyond_15_minutes,
        CAST(coalesce(sum(homes) FILTER (seconds IS NULL OR seconds > 1200), 0) AS BIGINT) AS homes_beyond_20_minutes,
        CAST(coalesce(sum(homes) FILTER (seconds IS NULL OR seconds > 1800), 0) AS BIGINT) AS homes_beyond_30_minutes,
        CAST(coalesce(sum(homes) FILTER (seconds IS NULL OR seconds > 60 * within_minutes), 0) AS BIGINT) AS homes_beyond_limit
    FROM measured
    JOIN services.site_kind AS kind USING (site_kind)
    GROUP BY measured.site_kind, measured.mode, measured.breakdown, measured.group_name
),
homes_by_group AS (
    SELECT breakdown, group_name, CAST(sum(homes) AS BIGINT) AS homes FROM grouped GROUP BY ALL
)
SELECT
    authority.authority_code,  -- GSS code of the authority
    asked.site_kind,  -- kind of site
    asked.mode,  -- walk, cycle or drive
    shown.breakdown,  -- all homes, or deprivation decile (of England's LSOAs, by the LSOA of the home)
    shown.group_name,  -- group within the breakdown: all; 1, the most deprived, to 10; or not known
    asked.mode = asked.usual_mode AS is_usual_mode,  -- whether people are expected to come in this way, as the description of the kind says
    asked.within_minutes,  -- how many minutes' travel is called too far, where more
    coalesce(homes_by_group.homes, 0) AS homes,  -- homes in the group
    coalesce(counted.homes_measured, 0) AS homes_measured,  -- of these, with coordinates to measure from
    coalesce(counted.homes_without_way, 0) AS homes_without_way,  -- of the homes measured, those from which no road leads to any site of the kind
    coalesce(counted.homes_beyond_5_minutes, 0) AS homes_beyond_5_minutes,  -- homes measured without a site within 5 minutes
    coalesce(counted.homes_beyond_10_minutes, 0) AS homes_beyond_10_minutes,  -- homes measured without a site within 10 minutes
    coalesce(counted.homes_beyond_15_minutes, 0) AS homes_beyond_15_minutes,  -- homes measured without a site within 15 minutes
    coalesce(counted.homes_beyond_20_minutes, 0) AS homes_beyond_20_minutes,  -- homes measured without a site within 20 minutes
    coalesce(counted.homes_beyond_30_minutes, 0) AS homes_beyond_30_minutes,  -- homes measured without a site within 30 minutes
    coalesce(counted.homes_beyond_limit, 0) AS homes_beyond_limit  -- homes measured that are too far by the limit of the kind
FROM sources.authority AS authority
CROSS JOIN asked
CROSS JOIN shown
LEFT JOIN counted USING (site_kind, mode, breakdown, group_name)
LEFT JOIN homes_by_group USING (breakdown, group_name)
