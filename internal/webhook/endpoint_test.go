package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
)

func TestAnEndpointShowsItsSecretOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, &outside{})
	e, err := b.Create(t.Context(), b.actor, Spec{
		URL: "https://example.org/hook", Description: "my house",
		Events: []grove.EventType{grove.PrintFailed, grove.PrintCompleted, grove.PrintFailed},
	})
	if err != nil {
		t.Fatal(err)
	}
	key, ok := strings.CutPrefix(string(e.Secret), "whsec_")
	raw, err := base64.StdEncoding.DecodeString(key)
	if !ok || err != nil || len(raw) != 32 {
		t.Errorf("secret %q: %d bytes, %v", string(e.Secret), len(raw), err)
	}
	if want := []grove.EventType{grove.PrintFailed, grove.PrintCompleted}; !slices.Equal(e.Events, want) {
		t.Errorf("events = %v, want %v", e.Events, want)
	}
	if !e.Enabled || !strings.HasPrefix(e.ID, "wh_") {
		t.Errorf("endpoint = %+v", e)
	}
	again, err := b.Endpoint(t.Context(), b.actor, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	list, err := b.List(t.Context(), b.actor, grove.Page{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("list = %+v, %v", list, err)
	}
	words := "another house"
	changed, err := b.Change(t.Context(), b.actor, e.ID, Change{Description: &words})
	if err != nil || changed.Description != words || changed.URL != e.URL || !changed.Enabled {
		t.Errorf("changed = %+v, %v", changed, err)
	}
	if again.Secret != "" || list.Items[0].Secret != "" || changed.Secret != "" {
		t.Error("the secret is shown again")
	}
	stored, err := b.db.AnyEndpoint(t.Context(), e.ID)
	if err != nil || stored.Secret != e.Secret {
		t.Errorf("the change lost the secret: %v", err)
	}
}

func TestUnfitEndpointsAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, &outside{})
	good := Spec{URL: "https://example.org/hook", Events: []grove.EventType{grove.PrintCompleted}}
	e := b.endpoint(t, good.URL)
	for name, spec := range map[string]Spec{
		"no address":             {Events: good.Events},
		"plain http":             {URL: "http://example.org", Events: good.Events},
		"no events":              {URL: good.URL},
		"an unknown event":       {URL: good.URL, Events: []grove.EventType{"print.exploded"}},
		"the test event":         {URL: good.URL, Events: []grove.EventType{grove.WebhookTest}},
		"a long description":     {URL: good.URL, Events: good.Events, Description: strings.Repeat("ä", 201)},
		"a description of lines": {URL: good.URL, Events: good.Events, Description: "a\nb"},
		"a broken description":   {URL: good.URL, Events: good.Events, Description: "\xff"},
	} {
		if _, err := b.Create(t.Context(), b.actor, spec); !errors.Is(err, grove.Invalid) {
			t.Errorf("create with %s: %v", name, err)
		}
		if _, err := b.Change(t.Context(), b.actor, e.ID, Change{URL: &spec.URL, Events: &spec.Events, Description: &spec.Description}); !errors.Is(err, grove.Invalid) {
			t.Errorf("change to %s: %v", name, err)
		}
	}
	got, err := b.db.AnyEndpoint(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e.Events, got.Events); diff != "" || got.URL != e.URL {
		t.Errorf("a refused change left %+v", got)
	}
}

func TestFiftyEndpointsAreEnough(t *testing.T) {
	t.Parallel()
	b := newBench(t, &outside{})
	for i := range maxEndpoints {
		b.endpoint(t, fmt.Sprintf("https://example.org/%d", i))
	}
	spec := Spec{URL: "https://example.org/more", Events: []grove.EventType{grove.PrintCompleted}}
	if _, err := b.Create(t.Context(), b.actor, spec); !grove.HasReason(err, "too_many_endpoints") {
		t.Errorf("one more: %v", err)
	}
	if _, err := b.Create(t.Context(), b.other, spec); err != nil {
		t.Errorf("somebody else's first: %v", err)
	}
}

func TestEndpointsBelongToTheirUser(t *testing.T) {
	t.Parallel()
	b := newBench(t, &outside{})
	e := b.endpoint(t, "https://example.org/hook")
	off := false
	for code, who := range map[grove.Code]grove.Actor{
		grove.NotFound:        b.other,
		grove.Forbidden:       {Kind: grove.ActorCode, Serial: "P1"},
		grove.Unauthenticated: {},
	} {
		for what, try := range map[string]func() error{
			"read":       func() error { _, err := b.Endpoint(t.Context(), who, e.ID); return err },
			"change":     func() error { _, err := b.Change(t.Context(), who, e.ID, Change{Enabled: &off}); return err },
			"delete":     func() error { return b.Delete(t.Context(), who, e.ID) },
			"test":       func() error { _, err := b.Test(t.Context(), who, e.ID, 0); return err },
			"renew":      func() error { _, err := b.Renew(t.Context(), who, e.ID); return err },
			"deliveries": func() error { _, err := b.Deliveries(t.Context(), who, e.ID, grove.Page{}); return err },
			"replay":     func() error { _, err := b.Replay(t.Context(), who, "dlv_1"); return err },
		} {
			if err := try(); !errors.Is(err, code) {
				t.Errorf("%s as %q: %v, want %s", what, who.Kind, err, code)
			}
		}
	}
	list, err := b.List(t.Context(), b.other, grove.Page{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("somebody else's list: %+v, %v", list, err)
	}
	if err := b.Delete(t.Context(), b.actor, e.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Endpoint(t.Context(), b.actor, e.ID); !errors.Is(err, grove.NotFound) {
		t.Errorf("after deleting: %v", err)
	}
}

func TestATestGoesTheWayOfEveryEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{})
		e := b.endpoint(t, "https://example.org/hook")
		defer b.run(t)()
		for range 2 {
			d, err := b.Test(t.Context(), b.actor, e.ID, 0)
			if err != nil || d.Type != grove.WebhookTest {
				t.Fatalf("test: %+v, %v", d, err)
			}
		}
		synctest.Wait()
		sent := b.world.seen()
		if len(sent) != 2 || !strings.Contains(sent[0].body, `"type":"webhook.test","timestamp":"`) {
			t.Errorf("requests = %+v", sent)
		}
		for _, d := range b.log(t, e) {
			if d.State != grove.DeliveryDelivered {
				t.Errorf("delivery = %+v", d)
			}
		}
	})
}

func TestAnEndpointHearsOnlyWhatItAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{})
		e, err := b.Create(t.Context(), b.actor, Spec{URL: "https://example.org/other", Events: []grove.EventType{grove.DeviceOnline}})
		if err != nil {
			t.Fatal(err)
		}
		defer b.run(t)()
		b.fact(t, "")
		synctest.Wait()
		if n := len(b.world.seen()); n != 0 || len(b.log(t, e)) != 0 {
			t.Errorf("%d requests for an event that nobody asked for", n)
		}
	})
}
