-- What amounts come to, by area: one row per dataset, measure (a column of amounts: rent, liability) and area, from the
-- latest extract of a snapshot or the latest period of dated events.
-- key: dataset, measure, area_type, area_code
-- use: demand
WITH dated AS (
    SELECT
        placed.dataset,
        measured.measure,
        measured.amount,
        coalesce(placed.subject, 'uprn ' || placed.uprn, placed.file || ' ' || placed.row_number) AS who,
        placed.authority_code,
        placed.ward_code,
        placed.msoa_code,
        placed.lsoa_code,
        CASE
            WHEN described.kind = 'stock' THEN placed.as_at
            ELSE CAST(date_trunc(described.period, placed.event_date) AS DATE)
        END AS starts
    FROM places.record_placed AS placed
    JOIN services.measure AS measured USING (dataset, file, row_number)
    JOIN services.dataset AS described USING (dataset)
    WHERE placed.role = 'service'
),
latest AS (
    SELECT * FROM dated QUALIFY starts = max(starts) OVER (PARTITION BY dataset)
),
step AS (
    -- Sums are rounded to so many typical amounts as counts are rounded to records: typical to the power of ten.
    SELECT
        dataset,
        measure,
        CAST(any_value(rule.round_to) * power(10, floor(log10(greatest(sum(abs(amount)) / count(*), 1)))) AS BIGINT) AS rounded_to
    FROM latest
    CROSS JOIN sources.authority AS rule
    GROUP BY dataset, measure
),
by_area AS (
    SELECT dataset, measure, who, amount, 'authority' AS area_type, authority_code AS area_code FROM latest
    UNION ALL
    SELECT dataset, measure, who, amount, 'ward', ward_code FROM latest
    UNION ALL
    SELECT dataset, measure, who, amount, 'msoa', msoa_code FROM latest
    UNION ALL
    SELECT dataset, measure, who, amount, 'lsoa', lsoa_code FROM latest
),
by_contributor AS (
    SELECT dataset, measure, area_type, area_code, who, count(*) AS records, sum(amount) AS amount, sum(abs(amount)) AS size
    FROM by_area
    WHERE area_code IS NOT NULL
    GROUP BY ALL
),
summed AS (
    SELECT
        dataset,
        measure,
        area_type,
        area_code,
        CAST(sum(records) AS BIGINT) AS records,
        count(*) AS contributors,
        CAST(round(sum(amount)) AS BIGINT) AS amount,
        list(size ORDER BY size DESC) AS sizes
    FROM by_contributor
    GROUP BY ALL
)
SELECT
    area.authority_code,  -- GSS code of the authority
    step.dataset,  -- dataset
    step.measure,  -- column of amounts, as its description names it
    area.area_type,  -- authority, ward, msoa or lsoa
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    coalesce(summed.records, 0) AS records,  -- records with an amount
    coalesce(summed.contributors, 0) AS contributors,  -- how many people, households or addresses these are of
    coalesce(summed.amount, 0) AS amount,  -- sum of the amounts, in whole units
    CAST(ceil(coalesce(summed.sizes[1], 0)) AS BIGINT) AS largest,  -- the largest part of it that is of one of them
    CAST(ceil(coalesce(summed.sizes[2], 0)) AS BIGINT) AS second,  -- the second largest
    step.rounded_to  -- step to which amounts are rounded where they are published
FROM step
CROSS JOIN layers.area_profile AS area
LEFT JOIN summed USING (dataset, measure, area_type, area_code)
