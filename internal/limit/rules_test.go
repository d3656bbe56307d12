package limit_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove/internal/limit"
)

func TestParse(t *testing.T) {
	t.Parallel()
	spec := func(change func(limit.Rules)) limit.Rules {
		r := limit.Rules{
			limit.Requests:         {N: 1000, Period: time.Hour},
			limit.Dashboard:        {N: 20_000, Period: time.Hour},
			limit.DeviceStatus:     {N: 10, Period: time.Minute},
			limit.Uploads:          {N: 10, Period: time.Hour},
			limit.DashboardUploads: {N: 300, Period: time.Hour},
			limit.Parts:            {N: 2000, Period: time.Hour},
			limit.MQTT:             {N: 100, Period: time.Minute},
			limit.Login:            {N: 5, Period: time.Minute},
			limit.LoginSource:      {N: 20, Period: 15 * time.Minute},
		}
		if change != nil {
			change(r)
		}
		return r
	}
	for text, want := range map[string]limit.Rules{
		"":     spec(nil),
		" ":    spec(nil),
		"spec": spec(nil),
		"off":  {},
		"uploads=100/h": spec(func(r limit.Rules) {
			r[limit.Uploads] = limit.Rate{N: 100, Period: time.Hour}
			r[limit.DashboardUploads] = r[limit.Uploads]
		}),
		"uploads=off": spec(func(r limit.Rules) {
			delete(r, limit.Uploads)
			delete(r, limit.DashboardUploads)
		}),
		"dashboard-uploads=50/h,uploads=5/h": spec(func(r limit.Rules) {
			r[limit.Uploads] = limit.Rate{N: 5, Period: time.Hour}
			r[limit.DashboardUploads] = limit.Rate{N: 50, Period: time.Hour}
		}),
		"uploads=5/h,dashboard-uploads=off": spec(func(r limit.Rules) {
			r[limit.Uploads] = limit.Rate{N: 5, Period: time.Hour}
			delete(r, limit.DashboardUploads)
		}),
		"dashboard-uploads=50/h": spec(func(r limit.Rules) { r[limit.DashboardUploads] = limit.Rate{N: 50, Period: time.Hour} }),
		"spec, mqtt = 5/10s , requests=off": spec(func(r limit.Rules) {
			r[limit.MQTT] = limit.Rate{N: 5, Period: 10 * time.Second}
			delete(r, limit.Requests)
		}),
		"off,login=3/2day":   {limit.Login: {N: 3, Period: 48 * time.Hour}},
		"off,requests=1/m":   {limit.Requests: {N: 1, Period: time.Minute}},
		"off,requests=1/90s": {limit.Requests: {N: 1, Period: 90 * time.Second}},
		"login-source=off,dashboard=off": spec(func(r limit.Rules) {
			delete(r, limit.LoginSource)
			delete(r, limit.Dashboard)
		}),
	} {
		got, err := limit.Parse(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("Parse(%q) = %v (-want +got):\n%s", text, err, diff)
		}
		again, err := limit.Parse(got.String())
		if diff := cmp.Diff(want, again); diff != "" || err != nil {
			t.Errorf("Parse(%q), which is %q written, = %v (-want +got):\n%s", got, text, err, diff)
		}
	}
	if r, err := limit.Parse("relaxed"); err != nil || len(r) != len(limit.Classes()) {
		t.Errorf("Parse(relaxed) = %v, %v", r, err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"none", "uploads", "uploads=", "uploads=10", "uploads=10/", "uploads=/h", "uploads=0/h", "uploads=-1/h", "uploads=1.5/h",
		"uploads=10/5", "uploads=10/0h", "uploads=10/-5h", "uploads=10/fortnight", "uploads=10/9999999999999999999s", "uploads=10/400d",
		"uploads=2000000000/h", "prints=10/h", "uploads=10/h,spec", "spec,", "spec,,off", "uploads=10/h;mqtt=1/s",
	} {
		if r, err := limit.Parse(text); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", text, r)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "spec", "relaxed,uploads=10/h", "off,mqtt=5/15min", "login=1/d,login=off"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := limit.Parse(text)
		if err != nil {
			return
		}
		again, err := limit.Parse(r.String())
		if diff := cmp.Diff(r, again); diff != "" || err != nil {
			t.Errorf("%q is written %q, which reads as (err %v, -want +got):\n%s", text, r, err, diff)
		}
		for class, rate := range r {
			if rate.N < 1 || rate.Period <= 0 {
				t.Errorf("class %s has rate %+v", class, rate)
			}
		}
	})
}
