-- Where each retired UPRN leads: one row per historic UPRN of the gazetteer, with the UPRN in use that took over from it,
-- through as many successors as there are. Where the chain ends in nothing, or in a circle, there is none.
-- key: uprn
WITH RECURSIVE chain AS (
    SELECT uprn, successor_uprn AS next_uprn, [uprn] AS passed
    FROM places.uprn
    WHERE status = 'historic'
    UNION ALL
    SELECT chain.uprn, further.successor_uprn, list_append(chain.passed, further.uprn)
    FROM chain
    JOIN places.uprn AS further ON further.uprn = chain.next_uprn
    WHERE further.status = 'historic' AND NOT list_contains(chain.passed, further.uprn)
),
last_link AS (
    SELECT * FROM chain
    QUALIFY row_number() OVER (PARTITION BY uprn ORDER BY len(passed) DESC) = 1
)
SELECT
    authority.authority_code,  -- GSS code of the authority
    last_link.uprn,  -- UPRN that was retired
    CASE WHEN successor.status IN ('live', 'provisional') THEN successor.uprn END AS successor_uprn,  -- UPRN in use that took over from it in the end; empty where there is none
    len(last_link.passed) AS steps,  -- how many retired UPRNs the way leads over, itself included
    CASE
        WHEN last_link.next_uprn IS NULL THEN 'none'
        WHEN list_contains(last_link.passed, last_link.next_uprn) THEN 'circle'
        WHEN successor.uprn IS NULL THEN 'unknown'
        ELSE successor.status
    END AS ends  -- how the chain ends: live, provisional, rejected, none (no successor is named), unknown (one that the gazetteer does not know), circle
FROM last_link
CROSS JOIN sources.authority AS authority
LEFT JOIN places.uprn AS successor ON successor.uprn = last_link.next_uprn
