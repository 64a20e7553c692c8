drop function evo.run_counting(text[], text[], text);
