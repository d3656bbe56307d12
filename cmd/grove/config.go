package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"

	"github.com/grovecloud/grove"
)

// yamlFile resolves flags by their names from one flat YAML file.
type yamlFile map[string]any

func loadYAML(r io.Reader) (kong.Resolver, error) { //nolint:ireturn // kong asks for this form
	file := yamlFile{}
	if err := yaml.NewDecoder(r).Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the configuration file: %w", err)
	}
	return file, nil
}

// Validate refuses names that no flag has: a misspelt limit must not pass.
func (y yamlFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if f, ok := node.(*kong.Flag); ok {
			known[f.Name] = true
		}
		return next(nil)
	})
	for name := range y {
		if !known[name] {
			return grove.Errorf(grove.Invalid, "unknown_setting",
				"the configuration file sets %q, which no flag is called; see grove serve --help", name)
		}
	}
	return nil
}

// Resolve gives a flag's value from the file.
func (y yamlFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	v, ok := y[flag.Name]
	if !ok {
		return nil, nil //nolint:nilnil // kong's way to say that the file is silent
	}
	if list, isList := v.([]any); isList {
		parts := make([]string, len(list))
		for i, p := range list {
			parts[i] = fmt.Sprint(p)
		}
		return strings.Join(parts, ","), nil
	}
	return fmt.Sprint(v), nil
}
