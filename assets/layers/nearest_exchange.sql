-- From which site to which homes change side, where the nearest by road is another than the nearest in a straight line, or than
-- the catchment that is published: one row per kind of site, mode, what is compared with, and pair of sites.
-- key: site_kind, mode, against, other_site, site
-- use: impersonal
WITH named AS (
    SELECT place, site_kind, 'straight line' AS against, site_id FROM layers.nearest_site
    UNION ALL
    SELECT place, site_kind, 'published catchment', site_id FROM layers.published_catchment WHERE is_listed
),
differing AS (
    -- A home in several areas is counted once, from the first of them, and not at all where one of them is the nearest by road.
    SELECT
        travel.authority_code,
        travel.place,
        travel.site_kind,
        travel.mode,
        named.against,
        min(named.site_id) AS other_site,
        travel.site_id AS site
    FROM layers.travel_time AS travel
    JOIN named USING (place, site_kind)
    WHERE travel.nth = 1 AND travel.site_id IS NOT NULL
    GROUP BY travel.authority_code, travel.place, travel.site_kind, travel.mode, named.against, travel.site_id
    HAVING NOT bool_or(named.site_id = travel.site_id)
)
SELECT
    differing.authority_code,  -- GSS code of the authority
    differing.site_kind,  -- kind of site
    differing.mode,  -- walk, cycle or drive: how the nearest by road is reached
    differing.against,  -- `straight line`, or `published catchment`
    differing.other_site,  -- the site that is nearest in a straight line, or published
    any_value(other.name) AS other_site_name,  -- its name
    differing.site,  -- the site that is nearest by road
    any_value(nearest.name) AS site_name,  -- its name
    CAST(sum(home.homes) AS BIGINT) AS homes  -- homes for which the answers differ so
FROM differing
JOIN places.home AS home USING (place)
LEFT JOIN layers.site AS other ON other.site_kind = differing.site_kind AND other.site_id = differing.other_site
LEFT JOIN layers.site AS nearest ON nearest.site_kind = differing.site_kind AND nearest.site_id = differing.site
GROUP BY
    differing.authority_code, differing.site_kind, differing.mode, differing.against, differing.other_site, differing.site
