-- Recorded use of each service by area and period: one row per dataset, area and period, areas without any use too.
-- Recorded use is not need: it shows who was served or asked, not who should have been. What counts as one, and by how many
-- homes or people it is divided, each dataset's description says.
-- key: dataset, area_type, area_code, period
-- use: demand
WITH by_area AS (
    SELECT dataset, period_start, 'authority' AS area_type, authority_code AS area_code, weight, who FROM places.record_counted
    UNION ALL
    SELECT dataset, period_start, 'ward', ward_code, weight, who FROM places.record_counted
    UNION ALL
    SELECT dataset, period_start, 'msoa', msoa_code, weight, who FROM places.record_counted
    UNION ALL
    SELECT dataset, period_start, 'lsoa', lsoa_code, weight, who FROM places.record_counted
),
used AS (
    SELECT
        dataset,
        period_start,
        area_type,
        area_code,
        CAST(sum(weight) AS BIGINT) AS recorded_use,
        -- A tally is of as many as it says.
        CAST(count(DISTINCT who) FILTER (weight <= 1) + coalesce(sum(weight) FILTER (weight > 1), 0) AS BIGINT) AS contributors
    FROM by_area
    WHERE area_code IS NOT NULL
    GROUP BY ALL
),
of_year AS (
    -- People of the year nearest to that in which the period ends; of two as near, the earlier.
    SELECT period.dataset, period.period_start, known.counted, known.year
    FROM places.counted_period AS period
    CROSS JOIN (SELECT DISTINCT counted, year FROM places.area_count) AS known
    QUALIFY row_number() OVER (
        PARTITION BY period.dataset, period.period_start, known.counted
        ORDER BY abs(known.year - year(period.period_end)), known.year
    ) = 1
)
SELECT
    area.authority_code,  -- GSS code of the authority
    period.dataset,  -- dataset
    area.area_type,  -- authority, ward, msoa or lsoa; the authority counts every record, those without a place too
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    period.period,  -- month of a snapshot (2026-09), or the period of a flow (2025 Q3)
    period.period_start,  -- first day of the period
    period.period_end,  -- last day of the period; for a snapshot the date that it describes
    period.is_complete,  -- whether the data go to its end; the figures of a period that is not complete will still grow
    period.is_latest,  -- the dataset's latest complete period; where none is complete the latest
    CASE
        WHEN area.imd_decile BETWEEN 9 AND 10 THEN '5, least deprived'
        WHEN area.imd_decile BETWEEN 3 AND 8 THEN CAST((area.imd_decile + 1) // 2 AS VARCHAR)
        WHEN area.imd_decile BETWEEN 1 AND 2 THEN '1, most deprived'
    END AS deprivation_fifth,  -- fifth of England's LSOAs by deprivation; LSOAs only
    CAST(area.imd_decile AS VARCHAR) AS deprivation_decile,  -- decile of England's LSOAs by deprivation, 1 the most deprived; LSOAs only
    coalesce(used.recorded_use, 0) AS recorded_use,  -- what the dataset counts (accounts, events, people, ...) in the area and period
    coalesce(used.contributors, 0) AS contributors,  -- how many people or households stand behind it (or addresses, where the extract names neither)
    area.homes,  -- homes in the area
    area.people,  -- usual residents of the area in the latest year known
    area.people_65_and_over,  -- of these, aged 65 and over
    described.denominator,  -- what `rate` is worked out by: homes, people or people_65_and_over
    CASE WHEN described.denominator = 'homes' THEN area.homes ELSE counted.number END AS denominator_value,  -- how many of these there are in the area
    CASE
        WHEN described.denominator = 'homes' THEN 'homes as known at the latest run'
        WHEN of_year.year = 0 THEN 'year not stated'
        ELSE CAST(of_year.year AS VARCHAR)
    END AS denominator_on  -- year of the people counted, the nearest to the period's end that is known; homes are those of the gazetteer in use, whatever the period
FROM places.counted_period AS period
JOIN services.dataset AS described USING (dataset)
CROSS JOIN layers.area_profile AS area
LEFT JOIN used
    ON used.dataset = period.dataset AND used.period_start = period.period_start
    AND used.area_type = area.area_type AND used.area_code = area.area_code
LEFT JOIN of_year
    ON of_year.dataset = period.dataset AND of_year.period_start = period.period_start AND of_year.counted = described.denominator
LEFT JOIN places.area_count AS counted
    ON counted.counted = of_year.counted AND counted.year = of_year.year
    AND counted.area_type = area.area_type AND counted.area_code = area.area_code
