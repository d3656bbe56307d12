package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/grovecloud/grove/cloudapi"
)

const (
	schemaPrefix = "#/components/schemas/"
	securityName = "bearer"
	tagServer    = "Server"
)

// describe is huma's configuration: JSON in our envelope, no routes of its own.
func describe(c Config) huma.Config {
	registry := huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer)
	registry.RegisterTypeAlias(reflect.TypeFor[cloudapi.Int](), reflect.TypeFor[looseInt]())
	registry.RegisterTypeAlias(reflect.TypeFor[cloudapi.Scalar](), reflect.TypeFor[scalar]())
	registry.RegisterTypeAlias(reflect.TypeFor[cloudapi.Nothing](), reflect.TypeFor[nothing]())
	registry.Schema(reflect.TypeFor[cloudapi.Error](), true, "")
	version := c.Version
	if version == "" {
		version = "dev"
	}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Grove", Version: version,
				Description: "The Cloud API as its known clients speak it, and Grove's own API under /v1/grove-service. " +
					"Every path also answers under /api/v1. Every answer carries X-Request-Id; answers to a credential carry X-RateLimit-Limit, -Remaining and -Reset.",
				License: &huma.License{Name: "Apache-2.0", URL: "https://www.apache.org/licenses/LICENSE-2.0"},
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					securityName: {Type: "http", Scheme: "bearer", Description: "The accessToken of POST /v1/user-service/user/login."},
				},
			},
		},
		Formats: formats(), DefaultFormat: "application/json",
		Transformers: []huma.Transformer{retell},
	}
	config.AllowAdditionalPropertiesByDefault = true
	config.Servers = []*huma.Server{{URL: "/", Description: "The server that this was read from"}}
	if c.PublicURL != "" {
		config.Servers = []*huma.Server{{URL: c.PublicURL}}
	}
	return config
}

// Either is the answer of a path that has two uses: one of the two is set.
type Either[A, B any] struct {
	One   *A
	Other *B
}

// MarshalJSON writes the one that is set.
func (e Either[A, B]) MarshalJSON() ([]byte, error) {
	var set any = e.Other
	if e.One != nil {
		set = e.One
	}
	var b bytes.Buffer
	err := encodeJSON(&b, set)
	return b.Bytes(), err
}

// Schema is called by huma, to describe both. An answer may fit both, since
// fields that are not named are allowed, so that it is any of them.
func (Either[A, B]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[A](), true, ""), r.Schema(reflect.TypeFor[B](), true, ""),
	}}
}

// looseInt stands for cloudapi.Int in the description.
type looseInt struct{}

// Schema says that a number may come as text.
func (looseInt) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A whole number, as a number or as decimal text.",
		OneOf:       []*huma.Schema{{Type: huma.TypeInteger, Format: "int64"}, {Type: huma.TypeString}},
	}
}

// scalar stands for cloudapi.Scalar in the description.
type scalar struct{}

// Schema says that it is a number or a text.
func (scalar) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A number or a text, given back as it came.",
		AnyOf:       []*huma.Schema{{Type: huma.TypeNumber}, {Type: huma.TypeString}, {Type: huma.TypeBoolean}},
	}
}

// nothing stands for cloudapi.Nothing in the description.
type nothing struct{}

// Schema says that it is null.
func (nothing) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "null"} }

// Raw says what a plain handler takes and gives, which reflection cannot see:
// media types (empty: no body), the type of an answer that is JSON, query
// parameters, headers that it asks for, statuses beside 200.
type Raw struct {
	Takes, Gives string
	Shape        reflect.Type
	Query        []string
	Headers      []string
	Also         map[int]string
}

// Plain mounts a handler beside huma, for bodies that are large or not JSON, and
// describes it.
func Plain(rt *Router, op Op, raw Raw, h http.HandlerFunc) {
	op.Streams = true
	rt.mount(op.Route, h)
	o := operation(op)
	o.Metadata = nil
	o.Path = strings.TrimSuffix(o.Path, "{$}")
	raw.describe(&o, rt.api.OpenAPI().Components.Schemas)
	rt.api.OpenAPI().AddOperation(&o)
}

func (raw Raw) describe(o *huma.Operation, schemas huma.Registry) {
	text := &huma.Schema{Type: huma.TypeString}
	good := &huma.Response{Description: "OK"}
	if raw.Gives != "" {
		good.Content = map[string]*huma.MediaType{raw.Gives: {Schema: text}}
	}
	if raw.Shape != nil {
		good.Content[raw.Gives].Schema = schemas.Schema(raw.Shape, true, "")
	}
	o.Responses["200"] = good
	for status, description := range raw.Also {
		o.Responses[strconv.Itoa(status)] = &huma.Response{Description: description}
	}
	if raw.Takes != "" {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			raw.Takes: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}}
	}
	for part := range strings.SplitSeq(o.Path, "/") {
		if strings.HasPrefix(part, "{") {
			o.Parameters = append(o.Parameters, &huma.Param{Name: strings.Trim(part, "{}"), In: "path", Required: true, Schema: text})
		}
	}
	for _, name := range raw.Query {
		o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "query", Schema: text})
	}
	for _, name := range raw.Headers {
		o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "header", Schema: text})
	}
}

// spec is the description, written out once after everything is mounted.
type spec struct {
	once sync.Once
	body []byte
}

func (rt *Router) openapi(w http.ResponseWriter, _ *http.Request) {
	rt.spec.once.Do(func() {
		finish(rt.api.OpenAPI())
		body, err := json.MarshalIndent(rt.api.OpenAPI(), "", " ")
		if err != nil {
			panic(fmt.Errorf("describe the API: %w", err))
		}
		rt.spec.body = body
	})
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(rt.spec.body) // a client that has left is no error of ours
}
