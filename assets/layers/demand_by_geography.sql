-- Recorded use by any geography and year that the authority's files know (places.geography), by whole Output Areas: one row per
-- dataset, geography, area and period, with how many of it were placed precisely enough to say which area. What lies in
-- no area of a geography, or is known by a larger area alone, stands under `not known`, so that each geography adds up to the
-- authority. Restricted, and never published: a second geography that cuts the first could be set against it, and their
-- difference is of the few in between.
-- key: dataset, geography, area_code, period
-- use: demand
WITH lsoa_part AS (
    -- A record known by an LSOA, MSOA or ward alone: the areas that its Output Areas lie in, and how many of them.
    SELECT unit.kind, unit.code, known.geography, known.area_type, known.area_code, count(*) AS blocks
    FROM (
        SELECT oa_code, unnest(['lsoa', 'msoa', 'ward']) AS kind, unnest([lsoa_code, msoa_code, ward_code]) AS code
        FROM places.output_area
    ) AS unit
    JOIN places.geography AS known USING (oa_code)
    WHERE unit.code IS NOT NULL
    GROUP BY ALL
),
of_unit AS (
    -- That which holds all of it; of an LSOA, which is small beside all but Output Areas, that which holds most.
    SELECT kind, code, geography, area_code, is_whole
    FROM (
        SELECT
            *,
            count(*) OVER unit = 1 AS is_whole,
            row_number() OVER (PARTITION BY kind, code, geography ORDER BY blocks DESC, area_code) AS in_turn
        FROM lsoa_part
        WINDOW unit AS (PARTITION BY kind, code, geography)
    )
    WHERE in_turn = 1 AND (is_whole OR (kind = 'lsoa' AND area_type <> 'oa'))
),
home AS (
    SELECT postcode, oa_code
    FROM places.uprn
    WHERE postcode IS NOT NULL AND oa_code IS NOT NULL AND status = 'live' AND coalesce(is_home, true)
    GROUP BY ALL
),
whole_postcode AS (
    -- Postcodes whose homes all lie in one area.
    SELECT home.postcode, known.geography
    FROM home
    JOIN places.geography AS known USING (oa_code)
    GROUP BY ALL
    HAVING count(DISTINCT known.area_code) = 1 AND count(known.area_code) = count(*)
),
counted AS (
    SELECT
        one.*,
        given.postcode,
        CASE WHEN lsoa_code IS NOT NULL THEN 'lsoa' WHEN msoa_code IS NOT NULL THEN 'msoa' ELSE 'ward' END AS unit_kind,
        coalesce(lsoa_code, msoa_code, one.ward_code) AS unit_code
    FROM places.record_counted AS one
    LEFT JOIN (SELECT dataset, file, row_number, postcode FROM services.record) AS given USING (dataset, file, row_number)
),
name AS (
    SELECT DISTINCT geography, area_type, vintage, area_code, area_name
    FROM places.geography
    WHERE area_code IS NOT NULL
    UNION ALL
    SELECT DISTINCT geography, area_type, vintage, 'not known', 'not known' FROM places.geography
),
located AS (
    SELECT
        counted.dataset,
        counted.period_start,
        every.geography,
        coalesce(block.area_code, of_unit.area_code, 'not known') AS area_code,
        counted.weight,
        CASE
            WHEN coalesce(block.area_code, of_unit.area_code) IS NULL THEN false
            WHEN counted.precision = 'postcode' THEN whole_postcode.postcode IS NOT NULL
            WHEN counted.oa_code IS NULL THEN of_unit.is_whole
            ELSE true
        END AS is_enough
    FROM counted
    CROSS JOIN (SELECT DISTINCT geography FROM places.geography) AS every
    LEFT JOIN places.geography AS block ON block.geography = every.geography AND block.oa_code = counted.oa_code
    LEFT JOIN of_unit
        ON counted.oa_code IS NULL AND of_unit.geography = every.geography
        AND of_unit.kind = counted.unit_kind AND of_unit.code = counted.unit_code
    LEFT JOIN whole_postcode ON whole_postcode.geography = every.geography AND whole_postcode.postcode = counted.postcode
),
used AS (
    SELECT
        dataset,
        period_start,
        geography,
        area_code,
        CAST(sum(weight) AS BIGINT) AS recorded_use,
        CAST(coalesce(sum(weight) FILTER (is_enough), 0) AS BIGINT) AS placed_precisely_enough
    FROM located
    GROUP BY ALL
)
SELECT
    period.authority_code,  -- GSS code of the authority
    period.dataset,  -- dataset
    name.geography,  -- kind of area and its year, such as `ward 2022`
    name.area_type,  -- oa, lsoa, msoa, ward or lad
    name.vintage,  -- year of the areas
    name.area_code,  -- GSS code of the area; `not known` for what lies in none of them, or is known by a larger area alone
    name.area_name,  -- name of the area
    period.period,  -- month of a snapshot (2026-09), or the period of a flow (2025 Q3)
    period.period_start,  -- first day of the period
    period.is_latest,  -- the dataset's latest complete period; where none is complete the latest
    coalesce(used.recorded_use, 0) AS recorded_use,  -- what the dataset counts (accounts, events, people, ...) in the area and period
    coalesce(used.placed_precisely_enough, 0) AS placed_precisely_enough  -- of these, placed precisely enough to say in which area of this geography
FROM places.counted_period AS period
CROSS JOIN name
LEFT JOIN used
    ON used.dataset = period.dataset AND used.period_start = period.period_start
    AND used.geography = name.geography AND used.area_code = name.area_code
