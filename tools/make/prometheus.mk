# The messages snakepit-prometheus writes: an archive of their own, which needs nothing of
# the messages of the runtime.
PROMETHEUS_PB_SRC := $(GEN)/prometheus/metrics.pb-c.c $(GEN)/google/protobuf/timestamp.pb-c.c
$(B)/lib/libsnp-prometheus-pb.a: $(PROMETHEUS_PB_SRC:$(GEN)/%.c=$(B)/obj/gen/%.o)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/obj/reader/prometheus/proto.o: | $(PROMETHEUS_PB_SRC)
