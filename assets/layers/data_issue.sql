-- What is wrong with the data, and who must mend it: one row per dataset, column and kind of issue, with how many rows
-- have it; never which.
-- key: dataset, column_name, issue
WITH found AS (
    SELECT dataset, column_name, issue, rows FROM services.value_issue WHERE column_name <> 'uprn'
    UNION ALL
    -- Whether a UPRN is good is known once the gazetteer was asked.
    SELECT dataset, 'uprn', uprn_finding, count(*) FROM places.record_placed WHERE uprn_finding IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT dataset, 'property_reference', reference_finding, count(*) FROM places.record_placed
    WHERE reference_finding IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT dataset, 'address', address_finding, count(*) FROM places.record_placed
    WHERE address_finding IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT dataset, '', unplaced_because, count(*) FROM places.record_placed WHERE unplaced_because IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT dataset, '', 'address_shared', count(*) FROM places.record_placed WHERE is_communal GROUP BY ALL
    UNION ALL
    -- That somebody was forgotten is no fault of the data, and nobody's business.
    SELECT "of", column_name, split_part(reason, ':', 1), count(*) FROM services.row_rejected
    WHERE reason <> 'forgotten' GROUP BY ALL
)
SELECT
    described.authority_code,  -- GSS code of the authority
    found.dataset,  -- dataset
    found.column_name,  -- column that has the issue; empty where it is the whole row
    found.issue,  -- kind of issue
    coalesce(kind.severity, 'warning') AS severity,  -- error, warning or info
    coalesce(kind.meaning, found.issue) AS meaning,  -- what it means, in a sentence
    coalesce(kind.who_fixes, described.owner) AS who_fixes,  -- who must mend it
    coalesce(kind.how_to_fix, '') AS how_to_fix,  -- how, or what to ask first
    CAST(sum(found.rows) AS BIGINT) AS rows  -- rows that have it
FROM found
JOIN services.dataset AS described USING (dataset)
LEFT JOIN services.issue_kind AS kind ON kind.issue = found.issue
GROUP BY ALL
