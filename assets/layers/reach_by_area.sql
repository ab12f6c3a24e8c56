-- How near a service's users live to the sites of each kind, by road (in a straight line where there are no roads), by area:
-- one row per dataset, kind of site and area. Whole Output Areas are near or far, by the median of their homes, so that no
-- strip of land between two figures is smaller. Kinds of sites that are not open are left out: a refuge has no catchment here.
-- key: dataset, site_kind, area_type, area_code
-- use: reach
WITH road AS (
    SELECT count(*) > 0 AS is_known FROM layers.road_link
),
kind AS (
    SELECT described.site_kind, CASE WHEN road.is_known THEN described.mode ELSE 'straight line' END AS measured_by
    FROM services.site_kind AS described
    CROSS JOIN road
    SEMI JOIN layers.site AS site ON site.site_kind = described.site_kind
    WHERE described.sensitivity = 'open'
),
way AS (
    -- A home from which no road leads to any site is near to none.
    SELECT
        place,
        site_kind,
        mode AS measured_by,
        coalesce(seconds <= 600, false) AS within_10_minutes,
        coalesce(seconds <= 1200, false) AS within_20_minutes
    FROM layers.travel_time
    WHERE nth = 1
    UNION ALL
    SELECT place, site_kind, 'straight line', metres <= 800, metres <= 1600 FROM layers.nearest_site
),
block AS (
    SELECT
        home.oa_code,
        way.site_kind,
        2 * sum(home.homes) FILTER (way.within_10_minutes) >= sum(home.homes) AS within_10_minutes,
        2 * sum(home.homes) FILTER (way.within_20_minutes) >= sum(home.homes) AS within_20_minutes
    FROM places.home AS home
    JOIN way USING (place)
    JOIN kind USING (site_kind, measured_by)
    GROUP BY home.oa_code, way.site_kind
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
    SELECT latest.*, block.site_kind, block.within_10_minutes, block.within_20_minutes
    FROM latest
    JOIN block USING (oa_code)
),
by_area AS (
    SELECT dataset, site_kind, who, weight, within_10_minutes, within_20_minutes, 'authority' AS area_type, authority_code AS area_code FROM measured
    UNION ALL
    SELECT dataset, site_kind, who, weight, within_10_minutes, within_20_minutes, 'ward', ward_code FROM measured
    UNION ALL
    SELECT dataset, site_kind, who, weight, within_10_minutes, within_20_minutes, 'msoa', msoa_code FROM measured
),
counted AS (
    SELECT
        dataset,
        site_kind,
        area_type,
        area_code,
        CAST(sum(weight) AS BIGINT) AS measured,
        CAST(sum(weight) FILTER (within_10_minutes) AS BIGINT) AS within_10_minutes,
        CAST(sum(weight) FILTER (within_20_minutes) AS BIGINT) AS within_20_minutes,
        CAST(count(DISTINCT who) FILTER (weight <= 1) + coalesce(sum(weight) FILTER (weight > 1), 0) AS BIGINT) AS contributors,
        CAST(
            count(DISTINCT who) FILTER (weight <= 1 AND within_10_minutes)
            + coalesce(sum(weight) FILTER (weight > 1 AND within_10_minutes), 0) AS BIGINT
        ) AS contributors_10_minutes,
        CAST(
            count(DISTINCT who) FILTER (weight <= 1 AND within_20_minutes)
            + coalesce(sum(weight) FILTER (weight > 1 AND within_20_minutes), 0) AS BIGINT
        ) AS contributors_20_minutes
    FROM by_area
    WHERE area_code IS NOT NULL
    GROUP BY ALL
),
shown AS (
    SELECT described.dataset, kind.site_kind, kind.measured_by
    FROM services.dataset AS described
    CROSS JOIN kind
    WHERE described.role = 'service'
)
SELECT
    area.authority_code,  -- GSS code of the authority
    shown.dataset,  -- dataset
    shown.site_kind,  -- kind of site
    shown.measured_by,  -- how people are expected to come, and what the minutes are of: walk, cycle or drive; straight line where there are no roads
    area.area_type,  -- authority, ward or msoa
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    coalesce(counted.measured, 0) AS measured,  -- what the dataset counts in its latest extract or period, where an Output Area is known
    coalesce(counted.within_10_minutes, 0) AS within_10_minutes,  -- of these, in Output Areas with a site of the kind within 10 minutes' travel (800 metres in a straight line)
    coalesce(counted.within_20_minutes, 0) AS within_20_minutes,  -- of these, in Output Areas with a site of the kind within 20 minutes' travel (1,600 metres in a straight line)
    coalesce(counted.contributors, 0) AS contributors,  -- how many people, households or addresses these are of
    coalesce(counted.contributors_10_minutes, 0) AS contributors_10_minutes,  -- how many of them within 10 minutes
    coalesce(counted.contributors_20_minutes, 0) AS contributors_20_minutes  -- how many of them within 20 minutes
FROM shown
CROSS JOIN layers.area_profile AS area
LEFT JOIN counted USING (dataset, site_kind, area_type, area_code)
WHERE area.area_type <> 'lsoa'
