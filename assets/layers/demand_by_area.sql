-- Recorded use of each service by area and period: one row per dataset, area and period, areas without any use too.
-- Recorded use is not need: it shows who was served or asked, not who should have been. A period of dated events whose
-- end lies after the data is not complete: it has a row, but is not the latest while there is one that is.
-- key: dataset, area_type, area_code, period
-- use: demand
WITH latest_in_month AS (
    SELECT dataset, max(as_at) AS as_at
    FROM services.record
    WHERE role = 'service'
    GROUP BY dataset, date_trunc('month', as_at)
),
dated AS (
    SELECT
        placed.*,
        CASE
            WHEN described.kind = 'stock' THEN date_trunc('month', placed.as_at)
            ELSE date_trunc(described.period, placed.event_date)
        END AS starts,
        described.kind,
        described.period AS period_length,
        -- Whom a record is about: where the extract does not say, everybody at one address is one.
        coalesce(placed.subject, 'uprn ' || placed.uprn, placed.file || ' ' || placed.row_number) AS who
    FROM places.record_placed AS placed
    JOIN services.dataset AS described USING (dataset)
    LEFT JOIN latest_in_month AS latest ON latest.dataset = placed.dataset AND latest.as_at = placed.as_at
    WHERE placed.role = 'service' AND (described.kind = 'flow' OR latest.as_at IS NOT NULL)
),
told AS (
    -- How far the data go: to the date of the latest extract; where none has one, to the month of the latest event.
    SELECT dataset, coalesce(max(as_at), last_day(max(event_date))) AS data_to FROM dated GROUP BY dataset
),
spanned AS (
    SELECT
        dataset,
        CAST(starts AS DATE) AS period_start,
        CASE
            WHEN kind = 'stock' THEN max(as_at)
            WHEN period_length = 'month' THEN CAST(starts + INTERVAL 1 MONTH AS DATE) - 1
            WHEN period_length = 'year' THEN CAST(starts + INTERVAL 1 YEAR AS DATE) - 1
            ELSE CAST(starts + INTERVAL 3 MONTH AS DATE) - 1
        END AS period_end,
        CASE
            WHEN kind = 'stock' OR period_length = 'month' THEN strftime(starts, '%Y-%m')
            WHEN period_length = 'year' THEN strftime(starts, '%Y')
            ELSE strftime(starts, '%Y') || ' Q' || quarter(starts)
        END AS period
    FROM dated
    GROUP BY dataset, starts, kind, period_length
),
period AS (
    SELECT spanned.*, period_end <= data_to AS is_complete
    FROM spanned
    JOIN told USING (dataset)
),
latest AS (
    SELECT dataset, coalesce(max(period_start) FILTER (is_complete), max(period_start)) AS period_start
    FROM period
    GROUP BY dataset
),
by_area AS (
    SELECT dataset, starts, 'authority' AS area_type, authority_code AS area_code, weight, who FROM dated
    UNION ALL
    SELECT dataset, starts, 'ward', ward_code, weight, who FROM dated
    UNION ALL
    SELECT dataset, starts, 'msoa', msoa_code, weight, who FROM dated
    UNION ALL
    SELECT dataset, starts, 'lsoa', lsoa_code, weight, who FROM dated
),
used AS (
    SELECT
        dataset,
        CAST(starts AS DATE) AS period_start,
        area_type,
        area_code,
        CAST(sum(weight) AS BIGINT) AS recorded_use,
        -- A tally is of as many as it says.
        CAST(count(DISTINCT who) FILTER (weight <= 1) + coalesce(sum(weight) FILTER (weight > 1), 0) AS BIGINT) AS contributors
    FROM by_area
    WHERE area_code IS NOT NULL
    GROUP BY ALL
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
    period.period_start = latest.period_start AS is_latest,  -- the dataset's latest complete period; where none is complete the latest
    CASE
        WHEN area.imd_decile BETWEEN 9 AND 10 THEN '5, least deprived'
        WHEN area.imd_decile BETWEEN 3 AND 8 THEN CAST((area.imd_decile + 1) // 2 AS VARCHAR)
        WHEN area.imd_decile BETWEEN 1 AND 2 THEN '1, most deprived'
    END AS deprivation_fifth,  -- fifth of England's LSOAs by deprivation; LSOAs only
    CAST(area.imd_decile AS VARCHAR) AS deprivation_decile,  -- decile of England's LSOAs by deprivation, 1 the most deprived; LSOAs only
    coalesce(used.recorded_use, 0) AS recorded_use,  -- what the dataset counts (accounts, events, ...) in the area and period
    coalesce(used.contributors, 0) AS contributors,  -- how many people or households stand behind it (or addresses, where the extract names neither)
    area.homes,  -- homes in the area
    area.people  -- usual residents of the area
FROM period
JOIN latest ON latest.dataset = period.dataset
CROSS JOIN layers.area_profile AS area
LEFT JOIN used
    ON used.dataset = period.dataset AND used.period_start = period.period_start
    AND used.area_type = area.area_type AND used.area_code = area.area_code
