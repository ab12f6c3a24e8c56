-- Which three services know the same properties: one row per three datasets, for the authority as a whole, of the ten
-- threes that share most properties (all, of up to five services). What is left of each service and each pair, less those
-- that the others know, is a group as well: smaller areas, or more threes, could not be shown to be safe.
-- key: dataset_a, dataset_b, dataset_c, area_type, area_code
-- use: overlap
WITH known AS (
    SELECT uprn, unnest(services) AS dataset FROM places.property_profile
),
single AS (
    SELECT dataset, count(*) AS properties FROM known GROUP BY dataset
),
pair AS (
    SELECT a.dataset AS dataset_a, b.dataset AS dataset_b, count(*) AS properties
    FROM known AS a
    JOIN known AS b ON b.uprn = a.uprn AND b.dataset > a.dataset
    GROUP BY ALL
),
shared AS (
    SELECT a.dataset AS dataset_a, b.dataset AS dataset_b, c.dataset AS dataset_c, count(*) AS properties
    FROM known AS a
    JOIN known AS b ON b.uprn = a.uprn AND b.dataset > a.dataset
    JOIN known AS c ON c.uprn = a.uprn AND c.dataset > b.dataset
    GROUP BY ALL
),
three AS (
    SELECT
        a.dataset AS dataset_a,
        b.dataset AS dataset_b,
        c.dataset AS dataset_c,
        a.properties AS properties_a,
        b.properties AS properties_b,
        c.properties AS properties_c,
        coalesce(shared.properties, 0) AS properties_all
    FROM single AS a
    JOIN single AS b ON b.dataset > a.dataset
    JOIN single AS c ON c.dataset > b.dataset
    LEFT JOIN shared ON shared.dataset_a = a.dataset AND shared.dataset_b = b.dataset AND shared.dataset_c = c.dataset
    QUALIFY row_number() OVER (ORDER BY coalesce(shared.properties, 0) DESC, a.dataset, b.dataset, c.dataset) <= 10
)
SELECT
    area.authority_code,  -- GSS code of the authority
    three.dataset_a,  -- one dataset
    three.dataset_b,  -- another
    three.dataset_c,  -- the third
    area.area_type,  -- authority
    area.area_code,  -- GSS code of the authority
    area.area_name,  -- name of the authority
    three.properties_a,  -- properties that the one dataset knows
    three.properties_b,  -- properties that the second dataset knows
    three.properties_c,  -- properties that the third dataset knows
    coalesce(ab.properties, 0) AS properties_ab,  -- properties that the first two know
    coalesce(ac.properties, 0) AS properties_ac,  -- properties that the first and the third know
    coalesce(bc.properties, 0) AS properties_bc,  -- properties that the last two know
    three.properties_all  -- properties that all three know
FROM three
JOIN layers.area_profile AS area ON area.area_type = 'authority'
LEFT JOIN pair AS ab ON ab.dataset_a = three.dataset_a AND ab.dataset_b = three.dataset_b
LEFT JOIN pair AS ac ON ac.dataset_a = three.dataset_a AND ac.dataset_b = three.dataset_c
LEFT JOIN pair AS bc ON bc.dataset_a = three.dataset_b AND bc.dataset_b = three.dataset_c
