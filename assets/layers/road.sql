-- Roads as a backdrop for maps: motorways, A, B and minor roads, one row per link.
-- key: road_id
SELECT
    authority_code,  -- GSS code of the authority
    road_id,  -- the publisher's id of the link
    road_function,  -- Motorway, A Road, B Road, Minor Road, ...
    coalesce(road_name, road_number) AS name,  -- name of the road, else its number
    geometry AS geometry_wkb  -- line, WKB, EPSG:27700
FROM sources.os_open_roads
WHERE regexp_matches(road_function, '^(motorway|primary|a road|b road|minor road)', 'i')
