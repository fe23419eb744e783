-- Earlier versions of fedproof told when a run began to the second, and `…10Z` comes after `…10.500Z`.
UPDATE run SET started_at = SUBSTR(started_at, 1, 19) || '.000Z' WHERE LENGTH(started_at) = 20;
UPDATE suite_case SET seen_at = SUBSTR(seen_at, 1, 19) || '.000Z' WHERE LENGTH(seen_at) = 20;
