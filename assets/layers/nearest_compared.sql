-- Who is nearest to which site by road, against two other answers: the nearest in a straight line, and the catchment that is
-- published. One row per kind of site, mode of travel, what is compared with, and area: for how many homes the answers differ.
-- key: site_kind, mode, against, area_type, area_code
-- use: impersonal
WITH asked AS (
    SELECT kind.site_kind, mode.mode, other.against
    FROM services.site_kind AS kind
    SEMI JOIN layers.site AS site ON site.site_kind = kind.site_kind
    CROSS JOIN (SELECT DISTINCT mode FROM layers.snapped) AS mode
    JOIN (VALUES ('straight line'), ('published catchment')) AS other (against)
        ON other.against = 'straight line' OR kind.catchment IS NOT NULL
),
named AS (
    SELECT place, site_kind, 'straight line' AS against, site_id, true AS is_listed FROM layers.nearest_site
    UNION ALL
    SELECT place, site_kind, 'published catchment', site_id, is_listed FROM layers.published_catchment
),
by_road AS (
    SELECT place, site_kind, mode, site_id FROM layers.travel_time WHERE nth = 1 AND site_id IS NOT NULL
),
compared AS (
    -- Where areas overlap several sites are named; the home is on the same side where any of them is the nearest by road.
    SELECT
        by_road.place,
        by_road.site_kind,
        by_road.mode,
        named.against,
        bool_or(named.is_listed) AS is_listed,
        bool_or(named.is_listed AND named.site_id = by_road.site_id) AS is_same
    FROM by_road
    JOIN named USING (place, site_kind)
    GROUP BY ALL
),
counted AS (
    SELECT
        home.area_type,
        home.area_code,
        compared.site_kind,
        compared.mode,
        compared.against,
        CAST(coalesce(sum(home.homes) FILTER (compared.is_listed), 0) AS BIGINT) AS homes_compared,
        CAST(coalesce(sum(home.homes) FILTER (compared.is_listed AND NOT compared.is_same), 0) AS BIGINT) AS homes_other_site,
        CAST(coalesce(sum(home.homes) FILTER (NOT compared.is_listed), 0) AS BIGINT) AS homes_unlisted
    FROM places.home_area AS home
    JOIN compared USING (place)
    GROUP BY ALL
),
every AS (
    SELECT area_type, area_code, CAST(sum(homes) AS BIGINT) AS homes FROM places.home_area GROUP BY ALL
)
SELECT
    area.authority_code,  -- GSS code of the authority
    asked.site_kind,  -- kind of site
    asked.mode,  -- walk, cycle or drive: how the nearest by road is reached
    asked.against,  -- `straight line`, or `published catchment`
    area.area_type,  -- authority, ward, msoa or lsoa
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    coalesce(every.homes, 0) AS homes,  -- homes in the area
    coalesce(counted.homes_compared, 0) AS homes_compared,  -- of these, with a nearest site by road and another answer to compare with
    coalesce(counted.homes_other_site, 0) AS homes_other_site,  -- of the homes compared, those for which the other answer is another site
    coalesce(counted.homes_unlisted, 0) AS homes_unlisted  -- homes whose published site is none of the sites that could be placed, such as a practice across the border
FROM layers.area_profile AS area
CROSS JOIN asked
LEFT JOIN every USING (area_type, area_code)
LEFT JOIN counted USING (site_kind, mode, against, area_type, area_code)
