-- What is wrong with the data of each extract (of dated events: of each period): one row per dataset, extract, column and
-- kind of issue, with how many rows have it; never which. Rows of a flow that were rejected belong to no period.
-- key: dataset, extract_of, concerns, column_name, issue
WITH placed AS (
    SELECT
        record.*,
        coalesce(
            CASE
                WHEN described.kind = 'stock' THEN strftime(record.as_at, '%Y-%m-%d')
                WHEN described.period = 'month' THEN strftime(record.event_date, '%Y-%m')
                WHEN described.period = 'year' THEN strftime(record.event_date, '%Y')
                ELSE strftime(record.event_date, '%Y') || ' Q' || quarter(record.event_date)
            END,
            ''
        ) AS extract_of
    FROM places.record_placed AS record
    JOIN services.dataset AS described USING (dataset)
),
found AS (
    SELECT dataset, extract_of, column_name, issue, rows, false AS is_rejected
    FROM services.value_issue WHERE column_name <> 'uprn'
    UNION ALL
    -- Whether a UPRN is good is known once the gazetteer was asked.
    SELECT dataset, extract_of, 'uprn', uprn_finding, count(*), false FROM placed
    WHERE uprn_finding IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT dataset, extract_of, 'property_reference', reference_finding, count(*), false FROM placed
    WHERE reference_finding IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT dataset, extract_of, 'address', address_finding, count(*), false FROM placed
    WHERE address_finding IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT dataset, extract_of, '', unplaced_because, count(*), false FROM placed
    WHERE unplaced_because IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT dataset, extract_of, '', 'address_shared', count(*), false FROM placed WHERE is_communal GROUP BY ALL
    UNION ALL
    -- That somebody was forgotten is no fault of the data, and nobody's business.
    SELECT rejected."of", coalesce(strftime(read.as_at, '%Y-%m-%d'), ''), rejected.column_name,
        split_part(rejected.reason, ':', 1), count(*), true
    FROM services.row_rejected AS rejected
    JOIN services.dataset AS described ON described.dataset = rejected."of"
    LEFT JOIN (
        SELECT DISTINCT "of", file, as_at FROM services.file_read WHERE status = 'read'
    ) AS read ON read."of" = rejected."of" AND read.file = rejected.file AND described.kind = 'stock'
    WHERE rejected.reason <> 'forgotten'
    GROUP BY ALL
)
SELECT
    described.authority_code,  -- GSS code of the authority
    found.dataset,  -- dataset
    found.extract_of,  -- date of the snapshot (2026-09-30), or period of the flow (2026-09, 2025 Q3, 2025); empty where neither is known
    CASE
        WHEN found.is_rejected THEN 'row rejected'
        WHEN regexp_matches(found.issue, '^(uprn|usrn|postcode|area_code|coordinates|cross_reference)_') THEN 'identifier'
        WHEN found.column_name = 'address' THEN 'address'
        ELSE 'other'
    END AS concerns,  -- what it concerns: identifier, address, other, or `row rejected` where the row was not kept
    found.column_name,  -- column that has the issue; empty where it is the whole row
    found.issue,  -- kind of issue
    CAST(sum(found.rows) AS BIGINT) AS rows  -- rows that have it
FROM found
JOIN services.dataset AS described USING (dataset)
GROUP BY ALL
