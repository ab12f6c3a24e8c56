-- Which services meet at the same properties over time: one row per two datasets, of which one at least counts events, and
-- period of such a one, for the authority as a whole. A dataset of events knows a property in a period by an event there; a
-- dataset of snapshots by the latest that is not later than the period's end. Where that is not known yet (no snapshot so
-- early, or the period lies before or after all events of the other) the figures are empty. Only periods to whose end the data go,
-- and of each dataset the latest four: what hangs together further than that cannot be shown to be safe where services are many.
-- key: dataset_a, dataset_b, period, area_type, area_code
-- use: overlap
WITH placed AS (
    SELECT
        record.dataset,
        described.kind,
        coalesce(described.period, 'quarter') AS length,
        record.as_at,
        record.event_date,
        record.uprn,
        record.precision = 'property' AS is_at_property
    FROM places.record_placed AS record
    JOIN services.dataset AS described USING (dataset)
    WHERE record.role = 'service'
),
told AS (
    -- From the first event, and how far the data go: to the date of the latest extract; where none has one, to the month of the latest event.
    SELECT
        dataset, length, min(event_date) AS first_event,
        coalesce(max(as_at), last_day(max(event_date))) AS data_to
    FROM placed
    WHERE kind = 'flow' AND event_date IS NOT NULL
    GROUP BY ALL
),
begun AS (
    SELECT
        dataset,
        length,
        data_to,
        -- Every one from the first event on, also without any event.
        unnest(generate_series(
            date_trunc(length, first_event),
            date_trunc(length, data_to),
            CASE length WHEN 'month' THEN INTERVAL 1 MONTH WHEN 'year' THEN INTERVAL 1 YEAR ELSE INTERVAL 3 MONTH END
        )) AS starts
    FROM told
),
spanned AS (
    SELECT
        dataset,
        data_to,
        CASE
            WHEN length = 'month' THEN strftime(starts, '%Y-%m')
            WHEN length = 'year' THEN strftime(starts, '%Y')
            ELSE strftime(starts, '%Y') || ' Q' || quarter(starts)
        END AS period,
        CAST(starts AS DATE) AS period_start,
        CASE
            WHEN length = 'month' THEN CAST(starts + INTERVAL 1 MONTH AS DATE) - 1
            WHEN length = 'year' THEN CAST(starts + INTERVAL 1 YEAR AS DATE) - 1
            ELSE CAST(starts + INTERVAL 3 MONTH AS DATE) - 1
        END AS period_end
    FROM begun
),
period AS (
    -- One that is not over would tell of fewer properties than it will.
    SELECT dataset, period, period_start, period_end
    FROM spanned
    WHERE period_end <= data_to
    QUALIFY row_number() OVER (PARTITION BY dataset ORDER BY period_start DESC) <= 4
),
any_period AS (
    SELECT DISTINCT period, period_start, period_end FROM period
),
snapshot AS (
    SELECT one.dataset, any_period.period, max(one.as_at) AS as_at
    FROM any_period
    JOIN (SELECT DISTINCT dataset, as_at FROM placed WHERE kind = 'stock' AND as_at IS NOT NULL) AS one
        ON one.as_at <= any_period.period_end
    GROUP BY ALL
),
known AS (
    SELECT DISTINCT placed.dataset, snapshot.period, placed.uprn
    FROM placed
    JOIN snapshot ON snapshot.dataset = placed.dataset AND snapshot.as_at = placed.as_at
    WHERE placed.is_at_property
    UNION
    SELECT DISTINCT placed.dataset, any_period.period, placed.uprn
    FROM placed
    JOIN any_period ON placed.event_date BETWEEN any_period.period_start AND any_period.period_end
    WHERE placed.is_at_property AND placed.kind = 'flow'
),
single AS (
    -- What can be told of a dataset in a period, be it that no property is known.
    SELECT able.dataset, able.period, count(known.uprn) AS properties
    FROM (
        SELECT dataset, period FROM snapshot
        UNION
        SELECT told.dataset, any_period.period
        FROM told
        JOIN any_period
            ON any_period.period_end <= told.data_to AND any_period.period_end >= date_trunc(told.length, told.first_event)
    ) AS able
    LEFT JOIN known ON known.dataset = able.dataset AND known.period = able.period
    GROUP BY ALL
),
shared AS (
    SELECT a.dataset AS dataset_a, b.dataset AS dataset_b, a.period, count(*) AS properties
    FROM known AS a
    JOIN known AS b ON b.uprn = a.uprn AND b.period = a.period AND b.dataset > a.dataset
    GROUP BY ALL
),
service AS (
    -- One that knows no property at all (tallies of areas, say) can meet none.
    SELECT DISTINCT dataset FROM placed WHERE is_at_property
),
pair AS (
    SELECT DISTINCT a.dataset AS dataset_a, b.dataset AS dataset_b, period.period, period.period_start, period.period_end
    FROM service AS a
    JOIN service AS b ON b.dataset > a.dataset
    JOIN period ON period.dataset IN (a.dataset, b.dataset)
)
SELECT
    area.authority_code,  -- GSS code of the authority
    pair.dataset_a,  -- one dataset
    pair.dataset_b,  -- the other
    pair.period,  -- period of the one that counts events: 2025 Q3, 2025-07 or 2025
    pair.period_start,  -- first day of the period
    pair.period_end,  -- last day of the period
    area.area_type,  -- authority
    area.area_code,  -- GSS code of the authority
    area.area_name,  -- name of the authority
    one.properties AS properties_a,  -- properties that the one dataset knows in the period, or at its end; empty where that is not known
    other.properties AS properties_b,  -- properties that the other dataset knows in the period, or at its end; empty where that is not known
    CASE
        WHEN one.properties IS NOT NULL AND other.properties IS NOT NULL THEN coalesce(shared.properties, 0)
    END AS properties_both  -- properties that both know; empty where one of these is
FROM pair
JOIN layers.area_profile AS area ON area.area_type = 'authority'
LEFT JOIN single AS one ON one.dataset = pair.dataset_a AND one.period = pair.period
LEFT JOIN single AS other ON other.dataset = pair.dataset_b AND other.period = pair.period
LEFT JOIN shared ON shared.dataset_a = pair.dataset_a AND shared.dataset_b = pair.dataset_b AND shared.period = pair.period
