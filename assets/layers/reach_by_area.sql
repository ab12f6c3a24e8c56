-- How near a service's users live to the sites of each kind, in a straight line, by area: one row per dataset, kind of site
-- and area. Whole Output Areas are near or far, by the median of their homes, so that no strip of land between two figures is
-- smaller. Kinds of sites that are not open are left out: a refuge has no catchment here.
-- key: dataset, site_kind, area_type, area_code
-- use: reach
WITH kind AS (
    SELECT DISTINCT site.site_kind
    FROM layers.site AS site
    JOIN services.dataset AS described ON described.dataset = site.site_kind AND described.sensitivity = 'open'
),
block AS (
    SELECT home.oa_code, nearest.site_kind, quantile_disc(nearest.metres, 0.5) AS metres
    FROM places.home AS home
    JOIN layers.nearest_site AS nearest USING (place)
    JOIN kind USING (site_kind)
    GROUP BY home.oa_code, nearest.site_kind
),
latest AS (
    SELECT
        placed.dataset,
        placed.weight,
        coalesce(placed.subject, 'uprn ' || placed.uprn, placed.file || ' ' || placed.row_number) AS who,
        placed.authority_code,
        placed.ward_code,
        placed.msoa_code,
        placed.oa_code
    FROM places.record_placed AS placed
    JOIN services.dataset AS described USING (dataset)
    WHERE placed.role = 'service'
    QUALIFY CASE
        WHEN described.kind = 'stock' THEN placed.as_at = max(placed.as_at) OVER (PARTITION BY placed.dataset)
        ELSE date_trunc(described.period, placed.event_date)
            = max(date_trunc(described.period, placed.event_date)) OVER (PARTITION BY placed.dataset)
    END
),
measured AS (
    SELECT latest.*, block.site_kind, block.metres FROM latest JOIN block USING (oa_code)
),
by_area AS (
    SELECT dataset, site_kind, who, weight, metres, 'authority' AS area_type, authority_code AS area_code FROM measured
    UNION ALL
    SELECT dataset, site_kind, who, weight, metres, 'ward', ward_code FROM measured
    UNION ALL
    SELECT dataset, site_kind, who, weight, metres, 'msoa', msoa_code FROM measured
),
counted AS (
    SELECT
        dataset,
        site_kind,
        area_type,
        area_code,
        CAST(sum(weight) AS BIGINT) AS measured,
        CAST(sum(weight) FILTER (metres <= 800) AS BIGINT) AS within_800m,
        CAST(sum(weight) FILTER (metres <= 1600) AS BIGINT) AS within_1600m,
        CAST(count(DISTINCT who) FILTER (weight <= 1) + coalesce(sum(weight) FILTER (weight > 1), 0) AS BIGINT) AS contributors,
        CAST(
            count(DISTINCT who) FILTER (weight <= 1 AND metres <= 800)
            + coalesce(sum(weight) FILTER (weight > 1 AND metres <= 800), 0) AS BIGINT
        ) AS contributors_800m,
        CAST(
            count(DISTINCT who) FILTER (weight <= 1 AND metres <= 1600)
            + coalesce(sum(weight) FILTER (weight > 1 AND metres <= 1600), 0) AS BIGINT
        ) AS contributors_1600m
    FROM by_area
    WHERE area_code IS NOT NULL
    GROUP BY ALL
),
shown AS (
    SELECT described.dataset, kind.site_kind
    FROM services.dataset AS described
    CROSS JOIN kind
    WHERE described.role = 'service'
)
SELECT
    area.authority_code,  -- GSS code of the authority
    shown.dataset,  -- dataset
    shown.site_kind,  -- kind of site
    area.area_type,  -- authority, ward or msoa
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    coalesce(counted.measured, 0) AS measured,  -- what the dataset counts in its latest extract or period, where an Output Area is known
    coalesce(counted.within_800m, 0) AS within_800m,  -- of these, in Output Areas with a site of the kind within 800 metres (about 10 minutes' walk)
    coalesce(counted.within_1600m, 0) AS within_1600m,  -- of these, in Output Areas with a site of the kind within 1,600 metres (about 20 minutes' walk)
    coalesce(counted.contributors, 0) AS contributors,  -- how many people, households or addresses these are of
    coalesce(counted.contributors_800m, 0) AS contributors_800m,  -- how many of them within 800 metres
    coalesce(counted.contributors_1600m, 0) AS contributors_1600m  -- how many of them within 1,600 metres
FROM shown
CROSS JOIN layers.area_profile AS area
LEFT JOIN counted USING (dataset, site_kind, area_type, area_code)
WHERE area.area_type <> 'lsoa'
