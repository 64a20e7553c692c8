alter function evo.jsonb_error(text) parallel safe;

drop function evo.text_array(text);
