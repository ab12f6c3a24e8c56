-- The periods in which each dataset is counted: one row per dataset and period. Of a snapshot the month (its latest extract
-- counts), of dated events the month, quarter or year. A period of dated events whose end lies after the data is not
-- complete: it has a row, but is not the latest while there is one that is. From the first event's to that of the last date of
-- the data every period has its row, also where nothing was recorded in it.
-- key: dataset, period_start
WITH dated AS (
    SELECT
        record.authority_code,
        record.dataset,
        record.as_at,
        record.event_date,
        described.kind,
        described.period AS period_length,
        described.counts_one,
        date_trunc(CASE WHEN described.kind = 'stock' THEN 'month' ELSE described.period END,
            CASE WHEN described.kind = 'stock' THEN record.as_at ELSE record.event_date END) AS starts
    FROM services.record AS record
    JOIN services.dataset AS described USING (dataset)
    WHERE record.role = 'service' AND (described.kind = 'flow' OR record.as_at IS NOT NULL)
),
told AS (
    -- How far the data go: to the date of the latest extract; where none has one, to the month of the latest event.
    SELECT dataset, coalesce(max(as_at), last_day(max(event_date))) AS data_to FROM dated GROUP BY dataset
),
met AS (
    SELECT authority_code, dataset, kind, period_length, starts, CASE WHEN kind = 'stock' THEN max(as_at) END AS described_at
    FROM dated
    GROUP BY authority_code, dataset, kind, period_length, starts
),
with_next AS (
    SELECT
        met.*,
        CASE met.period_length WHEN 'month' THEN INTERVAL 1 MONTH WHEN 'year' THEN INTERVAL 1 YEAR ELSE INTERVAL 3 MONTH END AS step,
        lead(CAST(met.starts AS TIMESTAMP)) OVER (PARTITION BY met.dataset ORDER BY met.starts) AS next_starts,
        CAST(date_trunc(met.period_length, told.data_to) AS TIMESTAMP) AS last_starts
    FROM met
    JOIN told USING (dataset)
    WHERE met.kind = 'flow' AND met.starts IS NOT NULL
),
between_events AS (
    -- Nothing was recorded in them, which is a figure too: what is told of a change is since the period before. More than
    -- ten years without an event are left out: a date that far from all others is more likely mistyped.
    SELECT
        authority_code, dataset, kind, period_length,
        unnest(generate_series(CAST(starts AS TIMESTAMP) + step, coalesce(next_starts - step, last_starts), step)) AS starts
    FROM with_next
    WHERE coalesce(next_starts, last_starts) <= CAST(starts AS TIMESTAMP) + INTERVAL 10 YEAR
        OR dataset IN (SELECT dataset FROM dated WHERE counts_one = 'open_event')
),
every AS (
    SELECT authority_code, dataset, kind, period_length, CAST(starts AS DATE) AS period_start, described_at FROM met
    UNION ALL
    SELECT authority_code, dataset, kind, period_length, CAST(starts AS DATE), NULL
    FROM between_events
),
spanned AS (
    SELECT
        *,
        CASE
            WHEN kind = 'stock' THEN described_at
            WHEN period_length = 'month' THEN CAST(period_start + INTERVAL 1 MONTH AS DATE) - 1
            WHEN period_length = 'year' THEN CAST(period_start + INTERVAL 1 YEAR AS DATE) - 1
            ELSE CAST(period_start + INTERVAL 3 MONTH AS DATE) - 1
        END AS period_end,
        CASE
            WHEN kind = 'stock' OR period_length = 'month' THEN strftime(period_start, '%Y-%m')
            WHEN period_length = 'year' THEN strftime(period_start, '%Y')
            ELSE strftime(period_start, '%Y') || ' Q' || quarter(period_start)
        END AS period
    FROM every
),
told_complete AS (
    SELECT spanned.*, period_end <= told.data_to AS is_complete FROM spanned JOIN told USING (dataset)
)
SELECT
    authority_code,  -- GSS code of the authority
    dataset,  -- dataset
    period,  -- month of a snapshot (2026-09), or the period of a flow (2025 Q3)
    period_start,  -- first day of the period
    period_end,  -- last day of the period; for a snapshot the date that it describes
    is_complete,  -- whether the data go to its end; the figures of a period that is not complete will still grow
    period_start = coalesce(
        max(period_start) FILTER (is_complete) OVER (PARTITION BY dataset), max(period_start) OVER (PARTITION BY dataset)
    ) AS is_latest  -- the dataset's latest complete period; where none is complete the latest
FROM told_complete
