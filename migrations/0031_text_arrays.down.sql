drop function evo.text_array(text);
