{{ input_files() }}
