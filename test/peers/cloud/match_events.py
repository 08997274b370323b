"""Which events a rule's pattern matches, by moto's reading of it. usage: python match_events.py PATTERN EVENTS"""
import json
import sys

from moto.events.models import EventPattern

pattern = EventPattern.load(sys.argv[1])
print(json.dumps([pattern.matches_event(event) for event in json.loads(sys.argv[2])]))
