package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
				"the configuration file sets %q, and there is no flag --%s; see grove serve --help", name, name)
		}
	}
	return nil
}

// Resolve gives a flag's value from the file, unless the environment has one.
func (y yamlFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if slices.ContainsFunc(flag.Envs, func(name string) bool { return os.Getenv(name) != "" }) {
		return nil, nil //nolint:nilnil // kong's way to say that the file is silent
	}
	switch v := y[flag.Name].(type) {
	case nil:
		return nil, nil //nolint:nilnil // kong's way to say that the file is silent
	case []any:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = fmt.Sprint(p)
		}
		return strings.Join(parts, ","), nil
	case yamlFile:
		return nil, grove.Errorf(grove.Invalid, "bad_setting", "the configuration file sets %q to a group; every setting is one line, as its flag is", flag.Name)
	default:
		return fmt.Sprint(v), nil
	}
}
