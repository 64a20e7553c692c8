drop function evo.plain_array(text);
