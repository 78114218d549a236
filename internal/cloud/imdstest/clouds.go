package imdstest

// renders are the services, by the name of their cloud.
func renders() map[string]render {
	return map[string]render{
		"aws": renderAWS,
	}
}
