drop function evo.to_iso(text, text, text);
drop function evo.in_iso(text, text, text);
