drop function evo.at_session_zone(text, timestamp);
