package own

import (
	"context"
	"net/http"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/webhook"
)

func (f *face) mountWebhooks(rt *rest.Router) {
	const tag = "webhooks"
	rest.Handle(rt, get("/webhooks", tag, "My endpoints"), f.endpoints)
	create := post("/webhooks", tag, "Have events sent to a URL")
	create.About = "`secret` is told this once; deliveries are signed with it as Standard Webhooks has it."
	create.Status = http.StatusCreated
	rest.Handle(rt, create, f.createEndpoint)
	rest.Handle(rt, get("/webhooks/{id}", tag, "One endpoint"), f.endpoint)
	rest.Handle(rt, op(http.MethodPatch, "/webhooks/{id}", tag, "Change an endpoint, or switch it on or off"), f.changeEndpoint)
	rest.Handle(rt, op(http.MethodDelete, "/webhooks/{id}", tag, "Delete an endpoint with its log"), f.deleteEndpoint)
	renew := post("/webhooks/{id}/secret", tag, "Another secret for an endpoint")
	renew.About = "`secret` is told this once. It signs whatever is sent from now on, also what failed before."
	rest.Handle(rt, renew, f.renewEndpoint)
	test := post("/webhooks/{id}/test", tag, "Send a test event")
	test.About = "With `wait_seconds` the answer waits for that of the endpoint, as long as that."
	rest.Handle(rt, test, f.testEndpoint)
	rest.Handle(rt, get("/webhooks/{id}/deliveries", tag, "What was sent and what was answered"), f.deliveries)
	rest.Handle(rt, post("/webhooks/deliveries/{id}/replay", tag, "Send a delivery once more"), f.replay)
}

func (f *face) endpoints(ctx context.Context, in *paged) (cloudapi.Data[[]grove.Endpoint], error) {
	list, err := f.Hooks.List(ctx, rest.Actor(ctx), in.Want())
	return cloudapi.ListOf(list, in.Want()), err
}

type endpointInput struct {
	Body cloudapi.WebhookRequest
}

func (f *face) createEndpoint(ctx context.Context, in *endpointInput) (cloudapi.Data[cloudapi.WebhookCreated], error) {
	e, err := f.Hooks.Create(ctx, rest.Actor(ctx), webhook.Spec{URL: in.Body.URL, Events: in.Body.Events, Description: in.Body.Description})
	return cloudapi.Of(cloudapi.WebhookCreated{Endpoint: e, Secret: e.Secret}), err
}

func (f *face) endpoint(ctx context.Context, in *byID) (cloudapi.Data[grove.Endpoint], error) {
	e, err := f.Hooks.Endpoint(ctx, rest.Actor(ctx), in.ID)
	return cloudapi.Of(e), err
}

type endpointChange struct {
	ID   string `path:"id" maxLength:"64"`
	Body cloudapi.WebhookChange
}

func (f *face) changeEndpoint(ctx context.Context, in *endpointChange) (cloudapi.Data[grove.Endpoint], error) {
	e, err := f.Hooks.Change(ctx, rest.Actor(ctx), in.ID, webhook.Change(in.Body))
	return cloudapi.Of(e), err
}

func (f *face) deleteEndpoint(ctx context.Context, in *byID) (done, error) {
	return ok(), f.Hooks.Delete(ctx, rest.Actor(ctx), in.ID)
}

func (f *face) renewEndpoint(ctx context.Context, in *byID) (cloudapi.Data[cloudapi.WebhookCreated], error) {
	e, err := f.Hooks.Renew(ctx, rest.Actor(ctx), in.ID)
	return cloudapi.Of(cloudapi.WebhookCreated{Endpoint: e, Secret: e.Secret}), err
}

type testInput struct {
	ID   string `path:"id" maxLength:"64"`
	Wait int    `query:"wait_seconds" minimum:"0" maximum:"20" doc:"How long to wait for the endpoint's answer; 0 unless said."`
}

func (f *face) testEndpoint(ctx context.Context, in *testInput) (cloudapi.Data[cloudapi.Delivery], error) {
	d, err := f.Hooks.Test(ctx, rest.Actor(ctx), in.ID, time.Duration(in.Wait)*time.Second)
	return cloudapi.Of(withBody(d)), err
}

func withBody(d grove.Delivery) cloudapi.Delivery {
	return cloudapi.Delivery{Delivery: d, Body: string(d.Body)}
}

type deliveriesInput struct {
	rest.Paging
	ID string `path:"id" maxLength:"64"`
}

func (f *face) deliveries(ctx context.Context, in *deliveriesInput) (cloudapi.Data[[]cloudapi.Delivery], error) {
	list, err := f.Hooks.Deliveries(ctx, rest.Actor(ctx), in.ID, in.Want())
	out := grove.List[cloudapi.Delivery]{Total: list.Total, More: list.More}
	for _, d := range list.Items {
		out.Items = append(out.Items, withBody(d))
	}
	return cloudapi.ListOf(out, in.Want()), err
}

func (f *face) replay(ctx context.Context, in *byID) (cloudapi.Data[cloudapi.Delivery], error) {
	d, err := f.Hooks.Replay(ctx, rest.Actor(ctx), in.ID)
	return cloudapi.Of(withBody(d)), err
}
