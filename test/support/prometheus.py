# Reads what is scraped as Prometheus' own client library for Python does, and prints it as JSON:
# for each family its type, its unit and its samples.
import json
import sys

if sys.argv[1] == 'openmetrics':
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
else:
    from prometheus_client.parser import text_string_to_metric_families

families = text_string_to_metric_families(sys.stdin.buffer.read().decode())
print(json.dumps([
    {
        'name': family.name,
        'type': family.type,
        'unit': family.unit,
        'samples': [
            {'name': sample.name, 'labels': sample.labels, 'value': sample.value}
            for sample in family.samples
        ],
    }
    for family in families
]))
