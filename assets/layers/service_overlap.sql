-- Which services know the same properties: one row per pair of datasets and area, counting properties. By small area for
-- the ten pairs that share most properties (all, of up to five services), for the authority as a whole for every pair: what
-- hangs together further than that cannot be shown to be safe.
-- key: dataset_a, dataset_b, area_type, area_code
-- use: overlap
WITH known AS (
    SELECT
        profile.uprn,
        unnest(profile.services) AS dataset,
        profile.authority_code,
        profile.lsoa_code,
        property.msoa_code,
        profile.ward_code
    FROM places.property_profile AS profile
    JOIN places.uprn AS property USING (uprn)
),
by_area AS (
    SELECT uprn, dataset, 'authority' AS area_type, authority_code AS area_code FROM known
    UNION ALL
    SELECT uprn, dataset, 'ward', ward_code FROM known
    UNION ALL
    SELECT uprn, dataset, 'msoa', msoa_code FROM known
    UNION ALL
    SELECT uprn, dataset, 'lsoa', lsoa_code FROM known
),
single AS (
    SELECT dataset, area_type, area_code, count(*) AS properties FROM by_area GROUP BY ALL
),
shared AS (
    SELECT a.dataset AS dataset_a, b.dataset AS dataset_b, a.area_type, a.area_code, count(*) AS properties
    FROM by_area AS a
    JOIN by_area AS b ON b.uprn = a.uprn AND b.area_type = a.area_type AND b.dataset > a.dataset
    GROUP BY ALL
),
pair AS (
    SELECT
        a.dataset AS dataset_a,
        b.dataset AS dataset_b,
        row_number() OVER (ORDER BY coalesce(shared.properties, 0) DESC, a.dataset, b.dataset) AS place
    FROM (SELECT DISTINCT dataset FROM known) AS a
    JOIN (SELECT DISTINCT dataset FROM known) AS b ON b.dataset > a.dataset
    LEFT JOIN shared ON shared.dataset_a = a.dataset AND shared.dataset_b = b.dataset AND shared.area_type = 'authority'
)
SELECT
    area.authority_code,  -- GSS code of the authority
    pair.dataset_a,  -- one dataset
    pair.dataset_b,  -- the other
    area.area_type,  -- authority, ward, msoa or lsoa
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    coalesce(one.properties, 0) AS properties_a,  -- properties that the one dataset knows
    coalesce(other.properties, 0) AS properties_b,  -- properties that the other dataset knows
    coalesce(shared.properties, 0) AS properties_both  -- properties that both know
FROM pair
JOIN layers.area_profile AS area ON pair.place <= 10 OR area.area_type = 'authority'
LEFT JOIN single AS one ON one.dataset = pair.dataset_a AND one.area_type = area.area_type AND one.area_code = area.area_code
LEFT JOIN single AS other ON other.dataset = pair.dataset_b AND other.area_type = area.area_type AND other.area_code = area.area_code
LEFT JOIN shared
    ON shared.dataset_a = pair.dataset_a AND shared.dataset_b = pair.dataset_b
    AND shared.area_type = area.area_type AND shared.area_code = area.area_code
